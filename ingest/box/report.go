package box

import (
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/internal/event"
)

// Tables are the delimited shapes of Box events: the user activity report of the admin console.
var Tables = []*ingest.Table{ingest.Declare("box_user_activity_csv", []ingest.Column{
	{Field: "date", Required: true, Names: []string{"Date", "Datum", "Fecha", "日付"}},
	{Field: "useremail", Required: true, Names: []string{
		"User Email", "E-Mail-Adresse des Benutzers", "Benutzer-E-Mail", "E-mail de l'utilisateur", "Adresse e-mail de l'utilisateur",
		"Correo electrónico del usuario", "ユーザーのメールアドレス",
	}},
	{Field: "action", Required: true, Names: []string{"Action", "Aktion", "Acción", "操作"}},
	{Field: "affected", Required: true, Names: []string{"Affected", "Betroffen", "Élément concerné", "Concerné", "Afectado", "対象"}},
	{Field: "username", Names: []string{"User Name", "Benutzername", "Nom d'utilisateur", "Nombre de usuario", "ユーザー名"}},
	{Field: "userid", Names: []string{"User ID", "Benutzer-ID", "ID utilisateur", "ID de usuario", "ユーザーID"}},
	{Field: "ipaddress", Names: []string{"IP Address", "IP-Adresse", "Adresse IP", "Dirección IP", "IPアドレス"}},
	{Field: "affectedid", Names: []string{"Affected ID", "Betroffene ID", "ID concerné", "ID afectado", "影響を受けるID"}},
	{Field: "sizekb", Names: []string{"Size (KB)", "Größe (KB)", "Taille (Ko)", "Tamaño (KB)", "サイズ（KB）", "サイズKB"}},
	{Field: "parentfolder", Names: []string{"Parent Folder", "Übergeordneter Ordner", "Dossier parent", "Carpeta principal", "親フォルダ"}},
}, row)}

// row decodes a row of the report. Its times are in the time zone of the admin who ran it, which
// is not in the file.
func row(text ingest.Cells, out *ingest.Sink) error {
	r := record{
		created:    text("date"),
		ip:         text("ipaddress"),
		itemID:     text("affectedid"),
		itemName:   text("affected"),
		parentName: text("parentfolder"),
		itemType:   "file",
		kilobytes:  text("sizekb"),
	}

	r.by = user{text("userid"), text("username"), text("useremail")}
	action := text("action")
	kind, known := reportActions[ingest.Words(action)]
	if r.kind = kind; !known {
		r.kind = action
	}

	switch h, _ := types.Get(r.kind); h.class {
	case event.Other, event.LoginSuccess, event.LoginFailure:
		if r.itemID == "" {
			r.itemName = "" // it may be a person's
		}
	}

	if r.kind == "" {
		return ingest.ErrNotThis
	}
	return r.emit(out)
}

// reportActions maps the report's words for actions to event types.
var reportActions = map[string]string{
	"download":              "DOWNLOAD",
	"downloaded":            "DOWNLOAD",
	"ダウンロード":                "DOWNLOAD",
	"preview":               "PREVIEW",
	"previewed":             "PREVIEW",
	"プレビュー":                 "PREVIEW",
	"upload":                "UPLOAD",
	"uploaded":              "UPLOAD",
	"アップロード":                "UPLOAD",
	"delete":                "DELETE",
	"deleted":               "DELETE",
	"削除":                    "DELETE",
	"shared":                "SHARE",
	"share":                 "SHARE",
	"共有":                    "SHARE",
	"login":                 "LOGIN",
	"logged in":             "LOGIN",
	"ログイン":                  "LOGIN",
	"failed login":          "FAILED_LOGIN",
	"edited":                "EDIT",
	"edit":                  "EDIT",
	"編集":                    "EDIT",
	"synced":                "ITEM_SYNC",
	"invited":               "COLLABORATION_INVITE",
	"accepted invitation":   "COLLABORATION_ACCEPT",
	"copied":                "COPY",
	"moved":                 "MOVE",
	"renamed":               "RENAME",
	"opened":                "ITEM_OPEN",
	"heruntergeladen":       "DOWNLOAD",
	"download durchgeführt": "DOWNLOAD",
	"téléchargé":            "DOWNLOAD",
	"descargado":            "DOWNLOAD",
	"descargó":              "DOWNLOAD",
	"vorschau angezeigt":    "PREVIEW",
	"in vorschau angezeigt": "PREVIEW",
	"prévisualisé":          "PREVIEW",
	"vista previa":          "PREVIEW",
	"hochgeladen":           "UPLOAD",
	"chargé":                "UPLOAD",
	"cargado":               "UPLOAD",
	"gelöscht":              "DELETE",
	"supprimé":              "DELETE",
	"eliminado":             "DELETE",
	"freigegeben":           "SHARE",
	"geteilt":               "SHARE",
	"partagé":               "SHARE",
	"compartido":            "SHARE",
	"angemeldet":            "LOGIN",
	"anmeldung":             "LOGIN",
	"connexion":             "LOGIN",
	"inicio de sesión":      "LOGIN",
	"bearbeitet":            "EDIT",
	"modifié":               "EDIT",
	"editado":               "EDIT",
	"synchronisiert":        "ITEM_SYNC",
	"synchronisé":           "ITEM_SYNC",
	"sincronizado":          "ITEM_SYNC",
	"eingeladen":            "COLLABORATION_INVITE",
	"invité":                "COLLABORATION_INVITE",
	"invitado":              "COLLABORATION_INVITE",
	"kopiert":               "COPY",
	"copié":                 "COPY",
	"copiado":               "COPY",
	"verschoben":            "MOVE",
	"déplacé":               "MOVE",
	"movido":                "MOVE",
	"umbenannt":             "RENAME",
	"renommé":               "RENAME",
	"cambio de nombre":      "RENAME",
	"geöffnet":              "ITEM_OPEN",
	"ouvert":                "ITEM_OPEN",
	"abierto":               "ITEM_OPEN",
}
