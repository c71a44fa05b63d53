// Package detectors has the detectors: values without state, one file each, with no access to
// the engine. docs/detectors has a page for each, and detect/engine/testdata their scenarios.
package detectors

import (
	"github.com/outflow/outflow/detect"
	"github.com/outflow/outflow/internal/finding"
)

// All lists the detectors in the order of their group in docs/detectors. Stored state relies
// on the order.
var All = []*detect.Detector{
	bulkDownload, appDownload, syncDownload, chatDownload, crmExport, crmQuery, objectStoreRead, secretRead, massClone,
	accountExport, warehouseExport, mailRead, endpointTakeout, assistantRead, reportExport, slowDrip,
	bulkCopy,
	publicLink, unsignedUse, outsiderUse, externalSharing, personalMailbox, forbiddenDomain, labelledItem, sharingPolicy, labelDowngrade,
	bucketPublic, publicAccessGuard, securityGroupOpen, snapshotShared,
	adminGrant, selfGrant, rightUsed, credentialCreated, appConsent,
	bruteForce, mfaFatigue, mfaRemoved, unfamiliarSignIn, authenticationPolicy, vendorAlert,
	terminatedUserActivity, leaverTakeout, mailForwarding, massDeletion, accessLeftBehind,
	loggingDisabled,
	takeoutSequence, compromiseTakeout, privilegeTakeout,
	userRule,
	sourceSilent, sourceLate, hrFeed, unresolvedIdentity, sourceGap, namesLeftOut, commonActivity,
	watchlist,
}

// Traits are those of all detectors, for the rooms that handle findings.
func Traits() finding.Detectors {
	all := finding.Detectors{}
	for _, d := range All {
		all[d.Name] = d.Traits
		if d.Exfiltration {
			all[d.Name] |= finding.TakesData
		}
	}
	return all
}

// when counts an event as one if a condition holds.
func when(holds func(a *detect.Enriched) bool) func(*detect.Enriched) float64 {
	return func(a *detect.Enriched) float64 {
		if holds(a) {
			return 1
		}
		return 0
	}
}
