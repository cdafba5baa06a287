package io.fleettelemetry.host.internal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.Intake;
import io.fleettelemetry.host.Outcome;
import io.fleettelemetry.host.Source;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Producers, sources and logs are somebody else's code: whatever it does, the host goes on. */
class HostForeignCodeTest extends HostFixture {

    private static void returns(String what, Runnable call) {
        Thread thread = new Thread(call, "test-" + what);
        thread.setDaemon(true);
        thread.start();
        await(what + " has returned").atMost(SOON).until(() -> !thread.isAlive());
    }

    /** Does something first, and then counts. */
    private static final class Heard implements Source {
        final Runnable first;
        final AtomicInteger confirmed = new AtomicInteger();
        final AtomicInteger failed = new AtomicInteger();

        Heard(Runnable first) {
            this.first = first;
        }

        @Override
        public boolean acknowledge(TelemetryRecord record) {
            return true;
        }

        @Override
        public void ended(TelemetryRecord record, Outcome outcome) {
            first.run();
            (outcome.confirmed() ? confirmed : failed).incrementAndGet();
        }

        int ended() {
            return confirmed.get() + failed.get();
        }
    }

    private static Heard heard() {
        return new Heard(() -> {});
    }

    /** Does something first, and then confirms. */
    private record Doing(Runnable first) implements Producer {
        @Override
        public void produce(TelemetryRecord record, Receipt receipt) {
            first.run();
            receipt.confirmed(record);
        }
    }

    @Test
    void a_producer_that_interrupts_the_holds_thread_gets_every_record() {
        configure("records.V", "late");
        Heard source = heard();
        Intake intake = host.open(source);
        for (int i = 0; i < 100; i++) {
            intake.offer(record("V", "" + i));
        }
        host.bind("late", new Doing(() -> Thread.currentThread().interrupt()));
        await().atMost(SOON).until(() -> source.ended() == 100);
        assertEquals(100, source.confirmed.get());
    }

    @Test
    void whoever_interrupts_the_holds_thread_fails_nothing() {
        configure("records.V", "late", "hold.max.ms", "60000");
        Heard source = heard();
        Intake intake = host.open(source);
        for (int i = 0; i < 100; i++) {
            intake.offer(record("V", "" + i));
            Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().equals("telemetry-hold-late"))
                    .forEach(Thread::interrupt);
        }
        host.bind("late", Store.open());
        await().atMost(SOON).until(() -> source.ended() == 100);
        assertEquals(100, source.confirmed.get());
    }

    @Test
    void a_source_that_interrupts_the_thread_that_tells_it_disturbs_no_other() {
        configure("records.V", "a");
        host.bind("a", Store.open());
        List<Heard> sources = new ArrayList<>();
        AtomicInteger interrupted = new AtomicInteger();
        for (int i = 0; i < 200; i++) {
            Heard source = new Heard(() -> {
                interrupted.addAndGet(Thread.currentThread().isInterrupted() ? 1 : 0);
                Thread.currentThread().interrupt();
            });
            sources.add(source);
            host.open(source).offer(record("V", "" + i));
        }
        await().atMost(SOON).until(() -> sources.stream().allMatch(source -> source.confirmed.get() == 1));
        assertEquals(0, interrupted.get());
    }

    @Test
    void a_status_that_hangs_holds_up_neither_its_successor_nor_other_datastores() {
        configure("records.V", "a", "records.alerts", "b");
        CountDownLatch letGo = new CountDownLatch(1);
        Store unanswering = Store.bounded(10);
        Producer hanging = new Producer() {
            @Override
            public void produce(TelemetryRecord record, Receipt receipt) {
                unanswering.produce(record, receipt);
            }

            @Override
            public Status status() {
                awaitLatch(letGo);
                return Status.UNKNOWN;
            }
        };
        try {
            host.bind("a", hanging);
            Heard source = heard();
            Intake intake = host.open(source);
            intake.offer(record("V", "0"));
            Store next = Store.open();
            returns("bind", () -> host.bind("a", next));
            intake.offer(record("V", "1"));
            host.bind("b", Store.open());
            intake.offer(record("alerts", "2"));
            await().atMost(SOON).until(() -> source.confirmed.get() == 1);
            unanswering.close(); // gives its record back
            await().atMost(SOON).until(() -> source.confirmed.get() == 3);
            assertEquals(List.of("0", "1"), next.stored());
        } finally {
            letGo.countDown();
        }
    }

    @Test
    void a_status_that_hangs_as_its_service_goes_keeps_only_the_thread_that_takes_it_away() {
        configure("records.V", "a");
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch letGo = new CountDownLatch(1);
        Producer hanging = new Producer() {
            @Override
            public void produce(TelemetryRecord record, Receipt receipt) {
                receipt.confirmed(record);
            }

            @Override
            public Status status() {
                asked.countDown();
                awaitLatch(letGo);
                return Status.UNKNOWN;
            }
        };
        try {
            host.bind("a", hanging);
            Thread taking = new Thread(() -> host.leaving(hanging), "test-taking");
            taking.start();
            awaitLatch(asked);
            Heard source = heard();
            returns("offer", () -> host.open(source).offer(record("V", "0")));
            returns("bind", () -> host.bind("a", Store.open()));
            await().atMost(SOON).until(() -> source.confirmed.get() == 1);
        } finally {
            letGo.countDown();
        }
    }

    @Test
    void a_status_or_a_health_that_throws_is_unknown() {
        configure("records.V", "a");
        host.health("a", () -> {
            throw new IllegalStateException("by the test");
        });
        assertEquals(Status.UNKNOWN, host.status().datastores().get(0).status());
    }

    @Test
    void closing_the_host_from_within_an_answer_or_an_offer_of_the_hold_returns() {
        configure("records.V", "late");
        AtomicInteger returned = new AtomicInteger();
        Runnable closing = () -> {
            host.close();
            returned.incrementAndGet();
        };
        Heard source = new Heard(closing);
        Intake intake = host.open(source);
        for (int i = 0; i < 10; i++) {
            intake.offer(record("V", "" + i));
        }
        long start = System.nanoTime();
        host.bind("late", new Doing(closing));
        await().atMost(SOON).until(() -> source.ended() == 10);
        assertTrue(returned.get() > 10, returned + " returned");
        assertTrue(System.nanoTime() - start < Duration.ofSeconds(5).toNanos(), "it did not wait for itself");
        await().atMost(SOON)
                .until(() -> Thread.getAllStackTraces().keySet().stream()
                        .noneMatch(thread -> thread.getName().startsWith("telemetry-answers-")
                                || thread.getName().equals("telemetry-hold-late")));
    }

    @Test
    void however_many_sources_are_slow_the_threads_that_tell_them_are_bounded_and_all_are_told() {
        configure("records.V", "a");
        host.bind("a", Store.open());
        CountDownLatch letGo = new CountDownLatch(1);
        List<Heard> slow = new ArrayList<>();
        for (int i = 0; i < 5_000; i++) {
            Heard source = new Heard(() -> awaitLatch(letGo));
            slow.add(source);
            host.open(source).offer(record("V", "" + i));
        }
        long threads = Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("telemetry-answers-"))
                .count();
        letGo.countDown();
        assertTrue(threads <= AckSenders.MAX_THREADS, threads + " threads");
        await().atMost(SOON).until(() -> slow.stream().allMatch(source -> source.confirmed.get() == 1));
    }

    @Test
    void an_interrupted_thread_offers_no_more_than_the_source_hears_and_stays_interrupted() throws Exception {
        configure("records.V", "a");
        host.bind("a", Store.open());
        CountDownLatch letGo = new CountDownLatch(1);
        Heard deaf = new Heard(() -> awaitLatch(letGo));
        Intake intake = host.open(deaf);
        int count = Intake.MAX_UNHEARD + 1_000;
        AtomicInteger offered = new AtomicInteger();
        AtomicBoolean still = new AtomicBoolean(true);
        Thread offering = new Thread(() -> {
            for (int i = 0; i < count; i++) {
                Thread.currentThread().interrupt();
                intake.offer(record("V", "" + i));
                still.compareAndSet(true, Thread.currentThread().isInterrupted());
                offered.incrementAndGet();
            }
        });
        offering.start();
        await().atMost(SOON)
                .until(() -> offered.get() >= Intake.MAX_UNHEARD && offering.getState() != Thread.State.RUNNABLE
                        || !offering.isAlive());
        assertEquals(Intake.MAX_UNHEARD, offered.get());
        letGo.countDown();
        offering.join();
        await().atMost(SOON).until(() -> deaf.ended() == count);
        assertTrue(still.get());
    }

    @Test
    void a_log_that_hangs_stops_neither_offers_nor_answers_nor_closing() {
        CountDownLatch letGo = new CountDownLatch(1);
        Heard source = heard();
        try (LogLines log = new LogLines(letGo)) {
            returns("all", () -> {
                configure("records.V", "never,throwing", "records.alerts", "a", "hold.max.ms", "20");
                host.bind("a", Store.open());
                host.bind("throwing", new Doing(() -> {
                    throw new IllegalStateException("by the test");
                }));
                Intake intake = host.open(source);
                for (int i = 0; i < 1_000; i++) {
                    intake.offer(record("V", "" + i));
                    intake.offer(record("alerts", "" + i));
                    intake.offer(record("unrouted", "" + i));
                }
            });
            await().atMost(SOON).until(() -> source.ended() == 3_000);
            returns("close", host::close);
            letGo.countDown();
        } finally {
            letGo.countDown();
        }
    }
}
