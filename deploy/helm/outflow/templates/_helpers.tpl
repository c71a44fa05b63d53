{{- define "outflow.name" -}}
{{- if contains "outflow" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-outflow" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "outflow.selector" -}}
app.kubernetes.io/name: outflow
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "outflow.labels" -}}
{{ include "outflow.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "outflow.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "outflow.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- /* The settings of Outflow: those of the values, and what the chart decides. */ -}}
{{- define "outflow.config" -}}
{{- $feed := merge (dict "listen" "0.0.0.0:8443") .Values.feed.settings }}
{{- if .Values.feed.tlsSecret }}{{ $feed = merge $feed (dict "cert" "/tls/tls.crt" "key" "/tls/tls.key") }}{{ else }}{{ $feed = merge $feed (dict "plain_http" true) }}{{ end }}
{{- with .Values.feed.trustedProxies }}{{ $feed = merge $feed (dict "trusted_proxies" .) }}{{ end }}
{{- $c := merge (dict "data_dir" "/data" "data_dir_shared" true "feed" $feed "metrics" (dict "listen" "0.0.0.0:9464")) .Values.config }}
{{- with .Values.publicURL }}{{ $c = merge $c (dict "public_url" .) }}{{ end }}
{{- if eq .Values.mode "kafka" }}
{{- if not .Values.kafka.log.brokers }}{{ fail "kafka.log.brokers is empty: mode kafka needs the addresses of brokers" }}{{ end }}
{{- $c = merge $c (dict "log" (merge (dict "kind" "kafka") .Values.kafka.log)) }}
{{- with .Values.kafka.snapshots }}{{ $c = merge $c (dict "snapshots" .) }}{{ end }}
{{- end }}
{{- toYaml $c }}
{{- end }}

{{- /* A pod: (dict "root" $ "roles" "ingest,detect" "data" VOLUME) */ -}}
{{- define "outflow.pod" -}}
{{- $ := .root -}}
metadata:
  labels:
    {{- include "outflow.selector" $ | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
  annotations:
    checksum/config: {{ include "outflow.config" $ | sha256sum }}
    {{- with $.Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "outflow.serviceAccount" $ }}
  automountServiceAccountToken: false
  {{- with $.Values.imagePullSecrets }}
  imagePullSecrets: {{ toYaml . | nindent 4 }}
  {{- end }}
  terminationGracePeriodSeconds: 30
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: outflow
      image: "{{ $.Values.image.repository }}:{{ $.Values.image.tag | default $.Chart.AppVersion }}"
      imagePullPolicy: {{ $.Values.image.pullPolicy }}
      args: [run, --config, /etc/outflow/outflow.yaml{{ with .roles }}, --roles, {{ . | quote }}{{ end }}]
      {{- with $.Values.secret }}
      envFrom: [{secretRef: {name: {{ . }}}}]
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      ports:
        {{- if .feed }}
        - {name: feed, containerPort: 8443}
        {{- end }}
        - {name: metrics, containerPort: 9464}
      # A daemon that is degraded (/readyz) still serves its page, which says why: only one that has to be restarted is not ready.
      startupProbe: {httpGet: {path: /healthz, port: metrics}, periodSeconds: 5, failureThreshold: 60}
      livenessProbe: {httpGet: {path: /healthz, port: metrics}, periodSeconds: 30, timeoutSeconds: 10, failureThreshold: 3}
      readinessProbe: {httpGet: {path: /healthz, port: metrics}, periodSeconds: 10, timeoutSeconds: 10}
      resources: {{ toYaml $.Values.resources | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/outflow, readOnly: true}
        - {name: data, mountPath: /data}
        {{- if .exports }}
        - {name: exports, mountPath: /exports, readOnly: true}
        {{- end }}
        {{- if and .feed $.Values.feed.tlsSecret }}
        - {name: tls, mountPath: /tls, readOnly: true}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "outflow.name" $ }}}
    {{- if .exports }}
    - name: exports
      {{- if $.Values.exportsClaim }}
      persistentVolumeClaim: {claimName: {{ $.Values.exportsClaim }}, readOnly: true}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- end }}
    {{- if and .feed $.Values.feed.tlsSecret }}
    - name: tls
      secret: {secretName: {{ $.Values.feed.tlsSecret }}, defaultMode: 0440}
    {{- end }}
    {{- if eq .data "scratch" }}
    - name: data
      emptyDir: {}
    {{- else if $.Values.persistence.existingClaim }}
    - name: data
      persistentVolumeClaim: {claimName: {{ $.Values.persistence.existingClaim }}}
    {{- end }}
  {{- with $.Values.nodeSelector }}
  nodeSelector: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $.Values.tolerations }}
  tolerations: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $.Values.affinity }}
  affinity: {{ toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* The volume of the pod that keeps state. */ -}}
{{- define "outflow.claims" -}}
{{- if not .Values.persistence.existingClaim }}
volumeClaimTemplates:
  - metadata: {name: data}
    spec:
      accessModes: [ReadWriteOnce]
      {{- with .Values.persistence.storageClass }}
      storageClassName: {{ . }}
      {{- end }}
      resources: {requests: {storage: {{ .Values.persistence.size }}}}
{{- end }}
{{- end }}
