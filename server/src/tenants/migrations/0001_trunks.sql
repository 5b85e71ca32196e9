ALTER TABLE "tenants"."trunks" ADD COLUMN "inbound_username" text;--> statement-breakpoint
ALTER TABLE "tenants"."trunks" ADD COLUMN "inbound_secret" text;--> statement-breakpoint
ALTER TABLE "tenants"."trunks" ADD COLUMN "settings" jsonb DEFAULT '{}'::jsonb NOT NULL;