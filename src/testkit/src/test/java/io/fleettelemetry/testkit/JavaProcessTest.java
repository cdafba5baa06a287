package io.fleettelemetry.testkit;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class JavaProcessTest {

    /** Speaks, and stays until it is killed. */
    static final class Speaker {
        public static void main(String[] arguments) throws InterruptedException {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("a last word")));
            System.out.println("hello, " + arguments[0]);
            Thread.currentThread().join();
        }
    }

    @Test
    void a_class_of_the_tests_runs_in_a_jvm_of_its_own_and_is_killed_without_a_last_word() {
        try (var speaker = JavaProcess.start(Speaker.class, "world")) {
            assertTrue(
                    Wait.until(Duration.ofSeconds(20), () -> speaker.output().contains("hello, world")),
                    speaker::output);
            assertTrue(speaker.isRunning());
            speaker.kill();
            assertFalse(speaker.isRunning());
            assertFalse(speaker.output().contains("a last word"), speaker::output);
        }
    }
}
