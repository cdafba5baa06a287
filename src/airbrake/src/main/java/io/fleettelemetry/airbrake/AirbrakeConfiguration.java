package io.fleettelemetry.airbrake;

import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.AttributeType;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** What configuration tools show of the reporter's settings; {@link AirbrakeSettings} reads them. */
@ObjectClassDefinition(
        id = AirbrakeConfiguration.PID,
        name = "Fleet Telemetry Airbrake reporter",
        description = "Sends a notice to Airbrake for every record that could not be published. Off without a project.")
@interface AirbrakeConfiguration {

    String PID = "io.fleettelemetry.airbrake";

    @AttributeDefinition(
            name = "Host",
            description = "URL of Airbrake, or of a server that speaks its API, version 3; scheme http or https.")
    String host() default AirbrakeSettings.DEFAULT_HOST;

    @AttributeDefinition(
            name = "Project id",
            description = "The project's number; empty or 0 switches reporting off.",
            type = AttributeType.LONG,
            required = false)
    String project__id();

    @AttributeDefinition(
            name = "Project key",
            description =
                    "The project's key; the environment variable AIRBRAKE_PROJECT_KEY, if it exists, replaces it.",
            type = AttributeType.PASSWORD,
            required = false)
    String _project__key();

    @AttributeDefinition(
            name = "Environment",
            description = "What Airbrake shows as the environment of each notice, such as production.",
            required = false)
    String environment();

    @AttributeDefinition(
            name = "Queue, reports",
            description = "Reports that wait to be sent; beyond it they are dropped and counted in the log.",
            min = "1")
    int queue_max() default 100;
}
