package form

import "strings"

// months are the names of months in English, German, French and Spanish, and what is left of
// them in abbreviations.
var months = names(
	"january jan jänner januar jänn jän janvier janv enero ene",
	"february feb februar feber février fevrier févr fevr fév fev febrero",
	"march mar märz maerz mär mrz mars marzo",
	"april apr avril avr abril abr",
	"may mai mayo",
	"june jun juni juin junio",
	"july jul juli juillet juil julio",
	"august aug août aout aoû agosto ago",
	"september sep sept septembre septiembre setiembre set",
	"october oct oktober okt octobre octubre",
	"november nov novembre noviembre",
	"december dec dezember dez décembre decembre déc diciembre dic",
)

// weekdays are their names, Sunday first. Those that are also months are left out: they say
// nothing that is needed.
var weekdays = names(
	"sunday sun sonntag so dimanche dim domingo dom",
	"monday mon montag mo lundi lun lunes",
	"tuesday tue tues dienstag di mardi martes",
	"wednesday wed mittwoch mi mercredi mer miércoles miercoles mié mie",
	"thursday thu thur thurs donnerstag do jeudi jeu jueves jue",
	"friday fri freitag fr vendredi ven viernes vie",
	"saturday sat samstag sonnabend sa samedi sam sábado sabado sáb sab",
)

// ordinals follow the number of a day.
var ordinals = set("st nd rd th er e º ª")

// fillers are words that say nothing.
var fillers = set("t at on um uhr den der am le la à a las los de del du of the o clock h kl")

func names(lists ...string) map[string]int {
	m := map[string]int{}
	for i, list := range lists {
		for word := range set(list) {
			m[word] = i + 1
		}
	}
	return m
}

func set(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

// zones are abbreviations, each with its offset or the zone whose local time it stands for.
// Those that have several meanings have the one that mail and American services use, unless
// none of them is usual (several).
var zones = map[string]string{
	"UT": "+00", "WET": "+00", "WEST": "+01", "BST": "+01", "CET": "+01", "CEST": "+02", "MEZ": "+01", "MESZ": "+02",
	"EET": "+02", "EEST": "+03", "MSK": "+03", "TRT": "+03", "GST": "+04", "PKT": "+05", "WIB": "+07", "ICT": "+07",
	"HKT": "+08", "SGT": "+08", "PHT": "+08", "AWST": "+08", "JST": "+09", "KST": "+09", "ACST": "+0930", "AEST": "+10",
	"ACDT": "+1030", "AEDT": "+11", "NZST": "+12", "NZDT": "+13", "SAST": "+02", "CAT": "+02", "EAT": "+03", "WAT": "+01",
	"NST": "-0330", "NDT": "-0230", "ADT": "-03", "BRT": "-03", "ART": "-03",
	"EST": "-05", "EDT": "-04", "CST": "-06", "CDT": "-05", "MST": "-07", "MDT": "-06", "PST": "-08", "PDT": "-07",
	"AKST": "-09", "AKDT": "-08", "HST": "-10",
	"ET": "America/New_York", "CT": "America/Chicago", "MT": "America/Denver", "PT": "America/Los_Angeles",
}

// several are abbreviations that stand for zones of different places, none of them more usual
// than the others.
var several = set("IST AST SST AMT GST CST BST ECT")

// areas are the first parts of the names of zones.
var areas = set("africa america antarctica arctic asia atlantic australia brazil canada chile etc europe indian mexico pacific us")

// longZones are names of zones without "Standard Time", "Daylight Time" or "Time": those of
// Unicode in English, and those of Windows.
var longZones = map[string]string{
	"coordinated universal": "UTC", "greenwich mean": "UTC", "universal": "UTC", "gmt": "Europe/London", "british": "Europe/London",
	"irish": "Europe/Dublin", "western european": "Europe/Lisbon", "w. europe": "Europe/Berlin", "romance": "Europe/Paris",
	"central europe": "Europe/Budapest", "central european": "Europe/Warsaw", "eastern european": "Europe/Bucharest",
	"e. europe": "Europe/Chisinau", "fle": "Europe/Kyiv", "gtb": "Europe/Bucharest", "moscow": "Europe/Moscow",
	"russian": "Europe/Moscow", "turkey": "Europe/Istanbul", "israel": "Asia/Jerusalem", "arab": "Asia/Riyadh",
	"arabian": "Asia/Dubai", "gulf": "Asia/Dubai", "india": "Asia/Kolkata", "pakistan": "Asia/Karachi",
	"singapore": "Asia/Singapore", "china": "Asia/Shanghai", "hong kong": "Asia/Hong_Kong", "taipei": "Asia/Taipei",
	"se asia": "Asia/Bangkok", "indochina": "Asia/Bangkok", "japan": "Asia/Tokyo", "tokyo": "Asia/Tokyo", "korea": "Asia/Seoul",
	"korean": "Asia/Seoul", "philippine": "Asia/Manila", "w. australia": "Australia/Perth", "aus eastern": "Australia/Sydney",
	"australian eastern": "Australia/Sydney", "e. australia": "Australia/Brisbane", "cen. australia": "Australia/Adelaide",
	"australian central": "Australia/Adelaide", "australian western": "Australia/Perth", "new zealand": "Pacific/Auckland",
	"south africa": "Africa/Johannesburg", "egypt": "Africa/Cairo", "newfoundland": "America/St_Johns",
	"atlantic": "America/Halifax", "eastern": "America/New_York", "us eastern": "America/Indiana/Indianapolis",
	"central": "America/Chicago", "canada central": "America/Regina", "mountain": "America/Denver",
	"us mountain": "America/Phoenix", "pacific": "America/Los_Angeles", "alaskan": "America/Anchorage", "alaska": "America/Anchorage",
	"hawaiian": "Pacific/Honolulu", "hawaii-aleutian": "Pacific/Honolulu", "e. south america": "America/Sao_Paulo",
	"brasilia": "America/Sao_Paulo", "argentina": "America/Argentina/Buenos_Aires", "sa pacific": "America/Bogota",
	"colombia": "America/Bogota", "pacific sa": "America/Santiago", "chile": "America/Santiago",
	"mitteleuropäische zeit": "Europe/Berlin", "mitteleuropäische sommerzeit": "Europe/Berlin",
}
