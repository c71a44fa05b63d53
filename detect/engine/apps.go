package engine

import "strings"

// clients are the vendors' own applications through which people work, by their
// published ids: what they do is the person's doing.
var clients = map[string]bool{
	"d3590ed6-52b3-4102-aeff-aad2292ab01c": true, // Microsoft Office
	"08e18876-6177-487e-b8b5-cf950c1e598c": true, // SharePoint Online Web Client Extensibility
	"00000003-0000-0ff1-ce00-000000000000": true, // SharePoint Online
	"00000002-0000-0ff1-ce00-000000000000": true, // Exchange Online
	"ab9b8c07-8f02-4f72-87fa-80105867a763": true, // OneDrive sync engine
	"1fec8e78-bce4-4aaf-ab1b-5451cc387264": true, // Microsoft Teams
	"5e3ce6c0-2b1f-4285-8d4b-75ee78787346": true, // Microsoft Teams web client
	"4765445b-32c6-49b0-83e6-1d93765276ca": true, // OfficeHome
	"691301496089":                         true, // Google Drive on the web
}

// automation are applications that read on a user's behalf without being asked
// to each time. They are no rarity, no matter who uses them first.
var automation = map[string]bool{
	"fb8d773d-7ef8-4ec0-a117-179f88add510": true, // Enterprise Copilot Platform
	"7ab7862c-4c57-491e-8a45-d52a7e023983": true, // App Service
	"31359c7f-bd7e-475c-86db-fdb8c937548e": true, // PnP Management Shell
}

// bare is an OAuth client id without what Google appends to it.
func bare(app string) string { return strings.TrimSuffix(app, ".apps.googleusercontent.com") }
