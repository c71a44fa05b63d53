package google

import "github.com/outflow/outflow/internal/event"

// lists has the events of each application that share a meaning.
var lists = map[string][]list{
	"drive": {
		{handler{event.Download, nil}, `email_as_attachment download_forms_response`},
		{handler{event.Sync, nil}, `prefetch_item_content`},
		{handler{event.View, nil}, `download_video_caption`},
		{handler{event.PermissionGrant, nil}, `sheets_import_range_access_change request_access`},
		{handler{event.ConfigChange, nil}, `
			encrypt disable_inherited_permissions enable_inherited_permissions pause_sync_client resume_sync_client
			create_script_trigger delete_script_trigger shared_drive_apply_security_update shared_drive_remove_security_update
			pin_revision unpin_revision`},
		{handler{event.Edit, nil}, `
			cancel_esignature complete_esignature request_esignature review_esignature delete_revision accept_suggestion
			create_suggestion delete_suggestion reject_suggestion delete_video_caption upload_video_caption publish_new_version`},
		{handler{event.Derived, nil}, `unmovable_item_reparented`},
		{handler{event.ConfigChange, nil}, `change_acl_editors add_lock remove_lock script_trigger_created script_trigger_deleted`},
		{handler{event.Edit, nil}, `
			untrash create_comment delete_comment edit_comment reopen_comment resolve_comment reassign_comment approval_requested
			approval_canceled approval_completed approval_comment_added approval_decisions_reset approval_due_time_change
			approval_reviewer_change approval_reviewer_responded`},
		{handler{event.AppAccess, denied}, `deny_access_request`},
	},
	"login": {
		{handler{event.MFAEnabled, nil}, `passkey_enrolled`},
		{handler{event.MFADisabled, nil}, `passkey_removed`},
		{handler{event.VendorAlert, affected}, `
			suspicious_login suspicious_login_less_secure_app suspicious_programmatic_login
			user_signed_out_due_to_suspicious_session_cookie gov_attack_warning account_disabled_password_leak
			account_disabled_hijacked account_disabled_spamming account_disabled_spamming_through_relay account_disabled_generic
			risky_sensitive_action_allowed risky_sensitive_action_blocked blocked_sender`},
		{handler{event.ConfigChange, nil}, `
			password_edit recovery_email_edit recovery_phone_edit recovery_secret_qa_edit titanium_enroll`},
	},
	"user_accounts": {
		{handler{event.ConfigChange, nil}, `
			password_edit recovery_email_edit recovery_phone_edit recovery_secret_qa_edit titanium_enroll`},
	},
	"admin": {
		{handler{event.Export, nil}, `
			DOWNLOAD_USERLIST DOWNLOAD_UNMANAGED_USERS_LIST DOWNLOAD_PENDING_APP_USER_REQUESTS`},
		{handler{event.List, adminUser}, `EMAIL_LIFE_OF_A_MESSAGE`},
		{handler{event.MFADisabled, adminUser}, `PASSKEY_REVOKED USER_CREATED_PASSKEY_REVOKE`},
		{handler{event.TokenGrant, appGrant}, `
			ADD_TO_TRUSTED_BY_OAUTH_SCOPE_OAUTH2_APPS MULTIPLE_ADD_TO_TRUSTED_OAUTH2_APPS
			MULTIPLE_ADD_TO_TRUSTED_BY_OAUTH_SCOPE_OAUTH2_APPS EWS_IN_NEW_CREDENTIALS_GENERATED`},
		{handler{event.TokenRevoke, appGrant}, `
			ADD_TO_BLOCKED_OAUTH2_APPS ADD_TO_LIMITED_OAUTH2_APPS MULTIPLE_ADD_TO_BLOCKED_OAUTH2_APPS
			MULTIPLE_ADD_TO_LIMITED_OAUTH2_APPS REMOVE_FROM_TRUSTED_BY_OAUTH_SCOPE_OAUTH2_APPS`},
		{handler{event.ConfigChange, policy("authentication", "weaker")}, `ADD_TO_CAA_EXEMPT_OAUTH2_APPS`},
		{handler{event.ConfigChange, policy("authentication", "stronger")}, `REMOVE_FROM_CAA_EXEMPT_OAUTH2_APPS`},
		{handler{event.ConfigChange, policy("authentication", "")}, `
			UPDATE_PUBLIC_KEY_CERTIFICATE UPDATE_PUBLIC_KEY_CERTIFICATE_STATUS`},
		{handler{event.ConfigChange, policy("sharing", "weaker")}, `UNBLOCK_ALL_THIRD_PARTY_API_ACCESS`},
		{handler{event.ConfigChange, policy("sharing", "stronger")}, `
			BLOCK_ALL_THIRD_PARTY_API_ACCESS UNDERAGE_BLOCK_ALL_THIRD_PARTY_API_ACCESS`},
		{handler{event.ConfigChange, policy("sharing", "")}, `
			SIGN_IN_ONLY_THIRD_PARTY_API_ACCESS UNDERAGE_SIGN_IN_ONLY_THIRD_PARTY_API_ACCESS`},
		{handler{event.ConfigChange, setting}, `
			ACCEPT_USER_INVITATION ADD_DISPLAY_NAME APPLE_DEP_SYNC_TRIGGERED APPLE_DEP_TOKEN_SETUP_COMPLETE
			APPLE_VPP_TOKEN_OPERATION CHANGE_CHROME_OS_CUSTOM_CONFIGURATIONS_JSON_SETTING
			CHANGE_CHROME_OS_ISOLATED_WEB_APPLICATION_SETTING CHANGE_CHROME_OS_WEB_APPLICATION_SETTING
			CHANGE_CHROME_OS_WEB_PERMISSION_SETTING CHANGE_CONFLICT_ACCOUNTS_MANAGEMENT_SETTINGS CHANGE_DEVICE_UPGRADE
			CHANGE_DISPLAY_NAME CHANGE_RESELLER_ACCESS_FOR_SKU CHROME_APP_LICENSES_ENABLED CHROME_APP_USER_LICENSE_ASSIGNED
			CHROME_APP_USER_LICENSE_REVOKED CREATE_CHROME_OS_ENROLLMENT_TOKEN CUSTOMER_USER_DEVICE_DELETION_EVENT
			DELETE_CHROME_OS_DEVICE DELETE_DUPLICATE_CHROME_OS_DEVICE DELETE_PROFILE_PHOTO DOCS_ORG_BRANDING_PROVISIONING
			DOCS_ORG_BRANDING_UPLOAD EDU_DELEGATED_USER_APPROVAL_WORKFLOW_DISABLED EDU_DELEGATED_USER_APPROVAL_WORKFLOW_ENABLED
			EDU_OVER_18_APPROVAL_WORKFLOW_DISABLED EDU_OVER_18_APPROVAL_WORKFLOW_ENABLED EWS_OUT_ENDPOINT_CONFIGURATION_CHANGED
			EWS_OUT_ENDPOINT_CONFIGURATION_RESET MOVE_SHARED_DRIVE_TO_ORG_UNIT OAUTH_APPS_BULK_UPLOAD
			PRE_PROVISION_CHROME_OS_DEVICE REMOVE_CHROME_OS_APPLICATION_SETTING REMOVE_CHROME_OS_WEB_ORIGIN_SETTINGS
			REMOVE_DISPLAY_NAME REMOVE_FROM_BLOCKED_OAUTH2_APPS REMOVE_FROM_LIMITED_OAUTH2_APPS REPAIR_CENTER_DEPROVISION
			REVOKE_CHROME_OS_ENROLLMENT_TOKEN SUPPRESSED_LICENSE_ASSIGNMENT SUPPRESSED_LICENSE_REVOKE
			SUPPRESSED_TO_ASSIGNED_LICENSE_CONVERSION TEMPORARY_LICENSE_ASSIGNMENT TEMPORARY_LICENSE_REVOKE
			TEMPORARY_TO_ASSIGNED_LICENSE_CONVERSION TEMPORARY_TO_SUPPRESSED_LICENSE_CONVERSION TOGGLE_CAA_REMEDIATION_ENABLEMENT
			UNDERAGE_USER_APPROVAL_WORKFLOW_DISABLED UNDERAGE_USER_APPROVAL_WORKFLOW_ENABLED UNMANAGED_USERS_BULK_UPLOAD
			UPDATE_PROFILE_PHOTO UPDATE_SMART_FEATURES USER_APPROVAL_WORKFLOW_DISABLED USER_APPROVAL_WORKFLOW_ENABLED`},
		{handler{event.Offboard, adminUser}, `SUSPEND_USER DELETE_USER ARCHIVE_USER`},
		{handler{event.List, adminUser}, `
			EMAIL_LOG_SEARCH SECURITY_INVESTIGATION_QUERY ALERT_CENTER_LIST_CUSTOM_QUERIES ALERT_CENTER_VIEW
			ALERT_CENTER_LIST_CHANGE ALERT_CENTER_LIST_FEEDBACK ALERT_CENTER_LIST_RELATED_ALERTS ALERT_CENTER_GET_SIT_LINK
			VIEW_SITE_DETAILS VIEW_DNS_LOGIN_DETAILS SECURITY_CHART_DRILLDOWN SECURITY_INVESTIGATION_CHART_CREATE
			SECURITY_CENTER_RULE_THRESHOLD_TRIGGER`},
		{handler{event.ConfigChange, adminUser}, `
			CREATE_USER UNSUSPEND_USER UNDELETE_USER UNARCHIVE_USER RENAME_USER USER_INVITE CANCEL_USER_INVITE RESEND_USER_INVITE
			CHANGE_PASSWORD CHANGE_PASSWORD_ON_NEXT_LOGIN VIEW_TEMP_PASSWORD GENERATE_2SV_SCRATCH_CODES DELETE_2SV_SCRATCH_CODES
			ADD_RECOVERY_EMAIL ADD_RECOVERY_PHONE CHANGE_RECOVERY_EMAIL CHANGE_RECOVERY_PHONE REMOVE_RECOVERY_EMAIL
			REMOVE_RECOVERY_PHONE ADD_NICKNAME REMOVE_NICKNAME RESET_SIGNIN_COOKIES REVOKE_ASP UNBLOCK_USER_SESSION
			USER_PUT_IN_TWO_STEP_VERIFICATION_GRACE_PERIOD ENABLE_USER_IP_WHITELIST MOVE_USER_TO_ORG_UNIT GMAIL_RESET_USER
			CHANGE_FIRST_NAME CHANGE_LAST_NAME CHANGE_USER_ADDRESS CHANGE_USER_CUSTOM_FIELD CHANGE_USER_EXTERNAL_ID
			CHANGE_USER_GENDER CHANGE_USER_IM CHANGE_USER_KEYWORD CHANGE_USER_LANGUAGE CHANGE_USER_LOCATION
			CHANGE_USER_ORGANIZATION CHANGE_USER_PHONE_NUMBER CHANGE_USER_RELATION UPDATE_BIRTHDATE UPGRADE_USER_TO_GPLUS
			DOWNGRADE_USER_FROM_GPLUS TOGGLE_AUTOMATIC_CONTACT_SHARING DELETE_ACCOUNT_INFO_DUMP DELETE_MAILBOX_DUMP
			USER_LICENSE_ASSIGNMENT USER_LICENSE_REASSIGNMENT USER_LICENSE_REVOKE MOBILE_DEVICE_APPROVE MOBILE_DEVICE_BLOCK
			MOBILE_DEVICE_DELETE MOBILE_DEVICE_WIPE MOBILE_ACCOUNT_WIPE MOBILE_DEVICE_CANCEL_WIPE_THEN_APPROVE
			MOBILE_DEVICE_CANCEL_WIPE_THEN_BLOCK ACTION_CANCELLED ACTION_REQUESTED BULK_UPLOAD BULK_UPLOAD_NOTIFICATION_SENT
			USERS_BULK_UPLOAD USERS_BULK_UPLOAD_NOTIFICATION_SENT`},
		{handler{event.ConfigChange, setting}, `
			CHANGE_APPLICATION_SETTING CREATE_APPLICATION_SETTING DELETE_APPLICATION_SETTING REORDER_GROUP_BASED_POLICIES_EVENT
			GPLUS_PREMIUM_FEATURES CREATE_MANAGED_CONFIGURATION UPDATE_MANAGED_CONFIGURATION DELETE_MANAGED_CONFIGURATION
			FLASHLIGHT_EDU_NON_FEATURED_SERVICES_SELECTED CREATE_BUILDING UPDATE_BUILDING DELETE_BUILDING CREATE_CALENDAR_RESOURCE
			UPDATE_CALENDAR_RESOURCE DELETE_CALENDAR_RESOURCE RENAME_CALENDAR_RESOURCE CREATE_CALENDAR_RESOURCE_FEATURE
			UPDATE_CALENDAR_RESOURCE_FEATURE DELETE_CALENDAR_RESOURCE_FEATURE CANCEL_CALENDAR_EVENTS RELEASE_CALENDAR_RESOURCES
			CHANGE_CALENDAR_SETTING MEET_INTEROP_CREATE_GATEWAY MEET_INTEROP_MODIFY_GATEWAY MEET_INTEROP_DELETE_GATEWAY
			CHANGE_CHAT_SETTING CHANGE_CHROME_OS_ANDROID_APPLICATION_SETTING CHANGE_CHROME_OS_APPLICATION_SETTING
			CHANGE_CHROME_OS_DEVICE_ANNOTATION CHANGE_CHROME_OS_DEVICE_SETTING CHANGE_CHROME_OS_DEVICE_STATE
			CHANGE_CHROME_OS_PUBLIC_SESSION_SETTING CHANGE_CHROME_OS_SETTING CHANGE_CHROME_OS_USER_SETTING CHANGE_DEVICE_STATE
			INSERT_CHROME_OS_PRINT_SERVER UPDATE_CHROME_OS_PRINT_SERVER DELETE_CHROME_OS_PRINT_SERVER INSERT_CHROME_OS_PRINTER
			UPDATE_CHROME_OS_PRINTER DELETE_CHROME_OS_PRINTER REMOVE_CHROME_OS_APPLICATION_SETTINGS ISSUE_DEVICE_COMMAND
			MOVE_DEVICE_TO_ORG_UNIT_DETAILED SEND_CHROME_OS_DEVICE_COMMAND UPDATE_DEVICE CHANGE_CONTACTS_SETTING
			CHANGE_DOCS_SETTING CHANGE_SITES_SETTING CHANGE_SITES_WEB_ADDRESS_MAPPING_UPDATES ADD_WEB_ADDRESS DELETE_WEB_ADDRESS
			CREATE_ROLE DELETE_ROLE RENAME_ROLE UPDATE_ROLE DRIVE_DATA_RESTORE DROP_FROM_QUARANTINE REJECT_FROM_QUARANTINE
			RELEASE_FROM_QUARANTINE EMAIL_UNDELETE CREATE_GROUP DELETE_GROUP CHANGE_GROUP_DESCRIPTION CHANGE_GROUP_EMAIL
			CHANGE_GROUP_NAME CHANGE_GROUP_SETTING GROUP_MEMBER_BULK_UPLOAD UPDATE_GROUP_MEMBER_DELIVERY_SETTINGS
			UPDATE_GROUP_MEMBER_DELIVERY_SETTINGS_CAN_EMAIL_OVERRIDE ORG_USERS_LICENSE_ASSIGNMENT ORG_ALL_USERS_LICENSE_ASSIGNMENT
			ORG_LICENSE_REVOKE UPDATE_DYNAMIC_LICENSE CHANGE_LICENSE_AUTO_ASSIGN LICENSES_RECLAIMED ADD_MOBILE_CERTIFICATE
			REMOVE_MOBILE_CERTIFICATE COMPANY_DEVICES_BULK_CREATION COMPANY_DEVICE_DELETION COMPANY_OWNED_DEVICE_BLOCKED
			COMPANY_OWNED_DEVICE_UNBLOCKED COMPANY_OWNED_DEVICE_WIPED CHANGE_MOBILE_APPLICATION_PERMISSION_GRANT
			CHANGE_MOBILE_APPLICATION_PRIORITY_ORDER ADD_MOBILE_APPLICATION_TO_WHITELIST REMOVE_MOBILE_APPLICATION_FROM_WHITELIST
			CHANGE_MOBILE_APPLICATION_SETTINGS CHANGE_MOBILE_SETTING CHANGE_ADMIN_RESTRICTIONS_PIN CHANGE_MOBILE_WIRELESS_NETWORK
			ADD_MOBILE_WIRELESS_NETWORK REMOVE_MOBILE_WIRELESS_NETWORK CHANGE_MOBILE_WIRELESS_NETWORK_PASSWORD
			ENROLL_FOR_GOOGLE_DEVICE_MANAGEMENT USE_GOOGLE_MOBILE_MANAGEMENT USE_GOOGLE_MOBILE_MANAGEMENT_FOR_NON_IOS
			USE_GOOGLE_MOBILE_MANAGEMENT_FOR_IOS CHROME_LICENSES_ENABLED CHROME_LICENSES_ALLOWED CHROME_LICENSES_REDEEMED
			CHROME_APPLICATION_LICENSE_RESERVATION_CREATED CHROME_APPLICATION_LICENSE_RESERVATION_DELETED
			CHROME_APPLICATION_LICENSE_RESERVATION_UPDATED CREATE_DEVICE_ENROLLMENT_TOKEN CREATE_ENROLLMENT_TOKEN
			REVOKE_ENROLLMENT_TOKEN REVOKE_DEVICE_ENROLLMENT_TOKEN ASSIGN_CUSTOM_LOGO UNASSIGN_CUSTOM_LOGO CREATE_ORG_UNIT
			REMOVE_ORG_UNIT EDIT_ORG_UNIT_DESCRIPTION EDIT_ORG_UNIT_NAME MOVE_ORG_UNIT TOGGLE_SERVICE_ENABLED
			REMOVE_FROM_TRUSTED_OAUTH2_APPS BLOCK_ON_DEVICE_ACCESS UNBLOCK_ON_DEVICE_ACCESS CHANGE_CAA_ERROR_MESSAGE
			UPDATE_ERROR_MSG_FOR_RESTRICTED_OAUTH2_APPS CHANGE_ACCOUNT_AUTO_RENEWAL CHANGE_ADVERTISEMENT_OPTION CREATE_ALERT
			DELETE_ALERT RENAME_ALERT CHANGE_ALERT_CRITERIA ALERT_RECEIVERS_CHANGED ALERT_STATUS_CHANGED ADD_DOMAIN_ALIAS
			REMOVE_DOMAIN_ALIAS SKIP_DOMAIN_ALIAS_MX VERIFY_DOMAIN_ALIAS VERIFY_DOMAIN_ALIAS_MX TOGGLE_AUTO_ADD_NEW_SERVICE
			CHANGE_PRIMARY_DOMAIN CHANGE_WHITELIST_SETTING COMMUNICATION_PREFERENCES_SETTING_CHANGE CHANGE_CONFLICT_ACCOUNT_ACTION
			ENABLE_API_ACCESS ENABLE_FEEDBACK_SOLICITATION CREATE_PLAY_FOR_WORK_TOKEN DELETE_PLAY_FOR_WORK_TOKEN
			PLAY_FOR_WORK_ENROLL PLAY_FOR_WORK_UNENROLL GENERATE_TRANSFER_TOKEN GENERATE_PIN CHANGE_CUSTOM_LOGO
			CHANGE_DATA_LOCALIZATION_FOR_RUSSIA CHANGE_DATA_LOCALIZATION_SETTING CHANGE_DATA_PROTECTION_OFFICER_CONTACT_INFO
			CHANGE_DOMAIN_DEFAULT_LOCALE CHANGE_DOMAIN_DEFAULT_TIMEZONE CHANGE_DOMAIN_NAME CHANGE_DOMAIN_SUPPORT_MESSAGE
			CHANGE_EDU_TYPE TOGGLE_ENABLE_OAUTH_CONSUMER_KEY REGENERATE_OAUTH_CONSUMER_SECRET UPLOAD_OAUTH_CERTIFICATE
			TOGGLE_ENABLE_PRE_RELEASE_FEATURES CHANGE_EU_REPRESENTATIVE_CONTACT_INFO CHANGE_LOGIN_BACKGROUND_COLOR
			CHANGE_LOGIN_BORDER_COLOR MX_RECORD_VERIFICATION_CLAIM TOGGLE_NEW_APP_FEATURES TOGGLE_USE_NEXT_GEN_CONTROL_PANEL
			TOGGLE_USE_CUSTOM_LOGO TOGGLE_OPEN_ID_ENABLED CHANGE_ORGANIZATION_NAME
			UPDATE_DOMAIN_SECONDARY_EMAIL ENABLE_SERVICE_OR_FEATURE_NOTIFICATIONS REMOVE_APPLICATION
			CHANGE_RENEW_DOMAIN_REGISTRATION CHANGE_RESELLER_ACCESS CREATE_RULE UPDATE_RULE DELETE_RULE RENAME_RULE
			CHANGE_RULE_CRITERIA RULE_ACTIONS_CHANGED RULE_STATUS_CHANGED REMOVE_SECONDARY_DOMAIN
			SKIP_SECONDARY_DOMAIN_MX VERIFY_SECONDARY_DOMAIN VERIFY_SECONDARY_DOMAIN_MX SECURITY_INVESTIGATION_ACTION
			SECURITY_INVESTIGATION_ACTION_CANCELLATION SECURITY_INVESTIGATION_ACTION_COMPLETION
			SECURITY_INVESTIGATION_ACTION_RETRY SECURITY_INVESTIGATION_OBJECT_CREATE_DRAFT_INVESTIGATION
			SECURITY_INVESTIGATION_OBJECT_DELETE_INVESTIGATION SECURITY_INVESTIGATION_OBJECT_DUPLICATE_INVESTIGATION
			SECURITY_INVESTIGATION_OBJECT_OWNERSHIP_TRANSFER SECURITY_INVESTIGATION_OBJECT_SAVE_INVESTIGATION
			SECURITY_INVESTIGATION_OBJECT_UPDATE_DIRECT_SHARING SECURITY_INVESTIGATION_OBJECT_UPDATE_LINK_SHARING
			SECURITY_INVESTIGATION_SETTING_UPDATE ALERT_CENTER_BATCH_DELETE_ALERTS ALERT_CENTER_BATCH_UNDELETE_ALERTS
			ALERT_CENTER_CREATE_ALERT ALERT_CENTER_CREATE_FEEDBACK ALERT_CENTER_DELETE_ALERT ALERT_CENTER_UNDELETE_ALERT
			ALERT_CENTER_UPDATE_ALERT ALERT_CENTER_UPDATE_ALERT_METADATA ALERT_CENTER_UPDATE_SETTINGS`},
		{handler{event.ConfigChange, policy("authentication", "")}, `
			CHANGE_PASSWORD_MIN_LENGTH CHANGE_PASSWORD_MAX_LENGTH SESSION_CONTROL_SETTINGS_CHANGE CHANGE_SESSION_LENGTH
			CHANGE_CAA_APP_ASSIGNMENTS CHANGE_ALLOWED_TWO_STEP_VERIFICATION_METHODS
			CHANGE_TWO_STEP_VERIFICATION_ENROLLMENT_PERIOD_DURATION CHANGE_TWO_STEP_VERIFICATION_FREQUENCY
			CHANGE_TWO_STEP_VERIFICATION_GRACE_PERIOD_DURATION CHANGE_TWO_STEP_VERIFICATION_START_DATE INBOUND_SSO_PROFILE_CREATED
			INBOUND_SSO_PROFILE_UPDATED INBOUND_SSO_PROFILE_DELETED INBOUND_SSO_CREDENTIAL_ADDED INBOUND_SSO_CREDENTIAL_DELETED
			SSO_PROFILE_ADDED SSO_PROFILE_UPDATED SSO_PROFILE_REMOVED SSO_PROFILE_ASSIGNED SSO_PROFILE_UNASSIGNED`},
		{handler{event.ConfigChange, policy("sharing", "")}, `CHANGE_APP_ACCESS_SETTINGS_COLLECTION_ID`},
		{handler{event.TokenRevoke, appGrant}, `DISALLOW_API_CLIENT_ACCESS`},
		{handler{event.TokenGrant, appGrant}, `ALLOW_API_CLIENT_ACCESS`},
		{handler{event.Derived, nil}, `CUSTOMER_TAKEOUT_FAILED CUSTOMER_TAKEOUT_CANCELED`},
	},
	"calendar": {
		{handler{event.View, nil}, `print_preview_calendar`},
		{handler{event.Edit, nil}, `
			create_event change_event change_event_title change_event_start_time change_event_guest_response restore_event
			transfer_event_requested transfer_event_completed add_event_guest remove_event_guest change_event_guest_response_auto
			remove_event_from_trash create_calendar change_calendar_title change_calendar_description change_calendar_location
			change_calendar_timezone change_calendar_country`},
		{handler{event.Delete, nil}, `delete_event delete_calendar`},
		{handler{event.ConfigChange, nil}, `
			add_subscription delete_subscription create_appointment_schedule change_appointment_schedule
			delete_appointment_schedule`},
	},
	"groups": {
		{handler{event.MembershipAdd, groupMember}, `join_via_mail reinvite_user`},
		{handler{event.ConfigChange, nil}, `request_to_join_via_mail unsubscribe_via_mail`},
		{handler{event.ConfigChange, nil}, `
			create_group delete_group change_identity_setting add_info_setting change_info_setting remove_info_setting
			change_new_members_restrictions_setting change_post_replies_setting change_spam_moderation_setting
			change_topic_setting change_email_subscription_type always_post_from_user ban_user_with_moderation moderate_message
			reject_invitation reject_join_request request_to_join revoke_invitation unban_user change_topic_description leave`},
	},
	"groups_enterprise": {
		{handler{event.PermissionGrant, groupMember}, `add_service_account_permission`},
		{handler{event.Unshare, groupMember}, `remove_service_account_permission`},
		{handler{event.ConfigChange, opensGroup}, `change_security_setting_state`},
		{handler{event.ConfigChange, nil}, `
			ban_member_with_moderation create_namespace delete_namespace change_dynamic_group_query add_membership_expiry
			remove_membership_expiry update_membership_expiry`},
		{handler{event.ConfigChange, nil}, `
			create_group delete_group change_info_setting add_info_setting remove_info_setting change_email change_name
			change_description add_dynamic_group_query update_dynamic_group_query add_security_setting remove_security_setting
			ban_member unban_member ban_user_with_moderation change_member_expiration add_member_role_expiration update_group
			request_to_join reject_join_request reject_invitation revoke_invitation leave`},
	},
	"vault": {
		{handler{event.Export, ofMatter}, `
			create_export_begin export export_file_download legacy_export_download download_count_per_account_csv
			download_cross_matter_litigation_hold_report download_per_matter_litigation_hold_report`},
		{handler{event.PermissionGrant, matterMember}, `add_collaborator_begin`},
		{handler{event.Unshare, matterMember}, `remove_collaborator_begin`},
		{handler{event.View, nil}, `
			obsolete_api_matters_get obsolete_preview_retention_rule_count preview_retention_rule
			view_cross_matter_litigation_hold_report view_custodian_litigation_hold_report view_document view_document_information
			view_external_document view_investigation view_matter_audit_log view_per_matter_litigation_hold_report
			view_retention_policy view_retention_settings view_system_audit_log`},
		{handler{event.List, nil}, `
			deletion_search get_count_operation obsolete_api_exports_list obsolete_api_holds_list obsolete_api_matters_list search
			search_count`},
		{handler{event.ConfigChange, matterOpened}, `create_investigation_begin obsolete_api_matters_insert`},
		{handler{event.ConfigChange, nil}, `
			add_litigation_hold_begin add_preservation_rule_begin add_retention_rule_begin cancel_accelerated_deletion_begin
			close_investigation_begin convert_saved_query_to_collection_begin create_accelerated_deletion_begin
			create_saved_query_begin delete_export_begin delete_investigation_begin
			delete_preservation_rule_begin delete_retention_rule_begin delete_saved_query_begin
			modify_default_retention_period_begin obsolete_api_holds_insert obsolete_api_matters_delete
			obsolete_api_matters_update remove_litigation_hold_begin reopen_investigation_begin
			restore_investigation_begin update_investigation_details_begin update_preservation_rule_add_holds_begin
			update_preservation_rule_query_begin update_preservation_rule_remove_holds_begin update_retention_rule_begin
			update_retention_settings update_saved_query_details_begin`},
		{handler{event.Derived, nil}, `
			add_collaborator_end add_litigation_hold_end add_preservation_rule_end add_retention_rule_end
			cancel_accelerated_deletion_end close_investigation_end convert_saved_query_to_collection_end
			create_accelerated_deletion_end create_export_end create_investigation_end create_saved_query_end delete_export_end
			delete_export_fail delete_investigation_end delete_preservation_rule_end delete_retention_rule_end
			delete_saved_query_end modify_default_retention_period_end remove_collaborator_end remove_litigation_hold_end
			reopen_investigation_end restore_investigation_end update_investigation_details_end
			update_preservation_rule_add_holds_end update_preservation_rule_query_end update_preservation_rule_remove_holds_end
			update_retention_rule_end update_saved_query_details_end`},
	},
	"chat": {
		{handler{event.ConfigChange, nil}, `app_invoked block_room block_user message_report_resolved`},
		{handler{event.Edit, nil}, `message_edited reaction_added reaction_removed message_pinned message_unpinned emoji_deleted`},
		{handler{event.Delete, nil}, `message_deleted room_deleted`},
		{handler{event.ConfigChange, nil}, `
			room_created room_details_updated room_name_updated room_unblocked room_blocked room_left role_updated
			update_room_member_role invite_decline history_changed status_changed admin_update_space app_added app_removed
			app_uninvoked message_reported user_blocked user_unblocked`},
	},
	"data_studio": {
		{handler{event.ShareLink, studioVisibility}, `
			CHANGE_ASSET_LINK_SHARING_VISIBILITY CHANGE_ASSET_LINK_SHARING_ACCESS_TYPE`},
		{handler{event.ShareUser, studioShare}, `CHANGE_USER_ACCESS_TO_ASSET_VIA_WORKSPACE`},
		{handler{event.ConfigChange, studioAsset}, `PARENT_WORKSPACE_CHANGE CHANGE_DATA_SOURCE_ACCESS_TYPE`},
		{handler{event.ConfigChange, studioAsset}, `
			ADD_REPORT_EMAIL_DELIVERY_SCHEDULE UPDATE_REPORT_EMAIL_DELIVERY STOP_REPORT_EMAIL_DELIVERY
			DELETE_REPORT_EMAIL_DELIVERY CHANGE_ASSET_OWNER UPGRADE_TO_PRO MOVE LINK_BIGQUERY_MONITORING`},
	},
	"meet": {
		{handler{event.ConfigChange, nil}, `broadcast_activity in_meet_broadcast_activity`},
		{handler{event.Download, nil}, `recording_downloaded`},
		{handler{event.AppAccess, nil}, `
			call_ended knocking_accepted knocking_denied invitation_sent presentation_started presentation_stopped
			livestream_watched`},
		{handler{event.ConfigChange, nil}, `
			recording_activity transcription_activity broadcast_started broadcast_stopped abuse_report_submitted dialed_out
			poll_created poll_answered question_asked question_responded whiteboard_started`},
	},
	"rules": {
		{handler{event.VendorAlert, nil}, `rule_match rule_trigger content_matched content_unmatched_first`},
		{handler{event.Derived, nil}, `action_complete content_unmatched label_applied label_field_value_changed label_removed`},
	},
	"mobile": {
		{handler{event.ConfigChange, nil}, `
			APPLE_DEP_DEVICE_UPDATE_ON_APPLE_PORTAL_EVENT ANDROID_WORK_PROFILE_SUPPORT_ENABLED_EVENT`},
		{handler{event.VendorAlert, nil}, `DEVICE_COMPROMISED_EVENT SUSPICIOUS_ACTIVITY_EVENT FAILED_PASSWORD_ATTEMPTS_EVENT`},
		{handler{event.ConfigChange, nil}, `
			DEVICE_ACTION_EVENT ADVANCED_POLICY_SYNC_EVENT DEVICE_REGISTER_UNREGISTER_EVENT DEVICE_SETTINGS_UPDATED_EVENT
			APPLICATION_EVENT APPLICATION_REPORT_EVENT DEVICE_COMPLIANCE_CHANGED_EVENT IOS_VPP_APP_EVENT OS_UPDATED_EVENT
			DEVICE_OWNERSHIP_CHANGE_EVENT RISK_SIGNAL_UPDATED_EVENT ENROLLMENT_TOKEN_EVENT DEVICE_STATE_CHANGED_EVENT`},
		{handler{event.Derived, nil}, `DEVICE_SYNC_EVENT`},
	},
	"chrome": {
		{handler{event.VendorAlert, nil}, `DLP_EVENT`},
		{handler{event.ConfigChange, nil}, `DEVICE_BOOT_STATE_CHANGE`},
		{handler{event.VendorAlert, nil}, `
			MALWARE_TRANSFER DANGEROUS_DOWNLOAD SENSITIVE_DATA_TRANSFER SENSITIVE_DATA_EVENT PASSWORD_BREACH PASSWORD_REUSE
			UNSAFE_SITE_VISIT UNSCANNED_FILE_EVENT URL_FILTERING_INTERSTITIAL SUSPICIOUS_URL_EVENT EXTENSION_TELEMETRY_EVENT`},
		{handler{event.ConfigChange, nil}, `
			BROWSER_EXTENSION_INSTALL PASSWORD_CHANGED CHROME_OS_ADD_USER CHROME_OS_REMOVE_USER CHROMEOS_AFFILIATED_USER_ADDED
			CHROMEOS_AFFILIATED_USER_REMOVED CHROME_OS_CRD_HOST_STARTED CHROME_OS_CRD_HOST_ENDED CHROME_OS_CRD_CLIENT_CONNECTED
			CHROME_OS_CRD_CLIENT_DISCONNECTED CHROMEOS_PERIPHERAL_ADDED CHROMEOS_PERIPHERAL_REMOVED
			CHROMEOS_PERIPHERAL_STATUS_UPDATED CHROMEOS_UPDATE_SUCCESS CHROMEOS_UPDATE_FAILURE CHROMEOS_ROLLBACK_SUCCESS
			CHROMEOS_DEVICE_BOOT_STATE_CHANGE`},
	},
	"classroom": {
		{handler{event.MembershipAdd, nil}, `join_class add_teacher add_student course_user_joined`},
		{handler{event.ConfigChange, nil}, `
			create_class delete_class archive_class update_class create_guardian remove_guardian course_user_removed
			course_created course_deleted`},
	},
	"data_migration": {
		{handler{event.ConfigChange, nil}, `NEW_MIGRATION_STARTED SOURCE_CONNECTED`},
	},
	"contacts": {
		{handler{event.Edit, nil}, `contact_created contact_edited`},
		{handler{event.Delete, nil}, `contact_deleted contact_permanently_deleted`},
		{handler{event.Export, nil}, `contacts_exported`},
	},
	"cloud_search": {
		{handler{event.List, nil}, `search SEARCH_QUERY`},
	},
	"admin_data_action": {
		{handler{event.View, nil}, `admin_search_performed admin_file_view admin_view_sensitive_content`},
		{handler{event.Export, ofOthers}, `admin_file_download admin_export`},
	},
}
