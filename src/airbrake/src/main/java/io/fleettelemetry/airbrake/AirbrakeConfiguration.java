package io.fleettelemetry.airbrake;

import org.osgi.service.metatype.annotations.AttributeDefinition;
import org.osgi.service.metatype.annotations.AttributeType;
import org.osgi.service.metatype.annotations.ObjectClassDefinition;

/** Describes the reporter's settings for configuration tools. {@link AirbrakeSettings} reads them. */
@ObjectClassDefinition(
        id = AirbrakeConfiguration.PID,
        name = "Fleet Telemetry Airbrake reporter",
        description =
                "Sends a notice to Airbrake for every record that a NATS datastore fails for good, and for every unexpected"
                        + " close of its connection. Off without a project.")
@interface AirbrakeConfiguration {

    String PID = "io.fleettelemetry.airbrake";

    @AttributeDefinition(
            name = "Host",
            description = "URL of Airbrake, or of a server with its API, version 3; the scheme is http or https.")
    String host() default AirbrakeSettings.DEFAULT_HOST;

    @AttributeDefinition(
            name = "Project id",
            description = "Number of the project; empty or 0 switches reporting off.",
            type = AttributeType.LONG,
            required = false)
    String project__id();

    @AttributeDefinition(
            name = "Project key",
            description = "Key of the project. If the environment variable AIRBRAKE_PROJECT_KEY exists, it replaces"
                    + " this key.",
            type = AttributeType.PASSWORD,
            required = false)
    String _project__key();

    @AttributeDefinition(
            name = "Environment",
            description = "Environment that Airbrake shows with each notice, such as production.",
            required = false)
    String environment();

    @AttributeDefinition(
            name = "Queue, reports",
            description = "Limit on reports that wait. Further ones are dropped, and the log says how many.",
            min = "1")
    int queue_max() default 100;
}
