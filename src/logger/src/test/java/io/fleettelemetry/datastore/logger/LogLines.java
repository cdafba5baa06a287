package io.fleettelemetry.datastore.logger;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.slf4j.Logger;
import org.slf4j.event.EventRecordingLogger;
import org.slf4j.event.SubstituteLoggingEvent;
import org.slf4j.helpers.MessageFormatter;
import org.slf4j.helpers.SubstituteLogger;

/** A log that keeps its lines: level, a blank, and the formatted message. */
final class LogLines {

    private final Queue<SubstituteLoggingEvent> events = new ConcurrentLinkedQueue<>();

    final Logger logger = new EventRecordingLogger(new SubstituteLogger("test", null, true), events);

    List<String> all() {
        return events.stream()
                .map(event -> event.getLevel() + " "
                        + MessageFormatter.basicArrayFormat(event.getMessage(), event.getArgumentArray()))
                .toList();
    }
}
