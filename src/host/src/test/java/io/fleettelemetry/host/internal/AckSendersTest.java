package io.fleettelemetry.host.internal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.fleettelemetry.api.kit.Uninterrupted;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class AckSendersTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final AtomicLong now = new AtomicLong();
    private final AtomicInteger hanging = new AtomicInteger();
    private final AtomicInteger sent = new AtomicInteger();
    private final CountDownLatch letGo = new CountDownLatch(1);
    private final AckSenders senders = new AckSenders(task -> new Thread(task, "test-sender"), now::get);

    /** A source that does not return until it is let go. */
    private final class Hanging extends AckSenders.Queue {
        @Override
        boolean sendSome() {
            hanging.incrementAndGet();
            Uninterrupted.await(letGo);
            return false;
        }
    }

    private final class Waiting extends AckSenders.Queue {
        @Override
        boolean sendSome() {
            sent.incrementAndGet();
            return false;
        }
    }

    @Test
    void sources_that_do_not_return_are_named_when_others_wait_for_them_and_only_then() {
        for (int i = 0; i < AckSenders.MAX_THREADS; i++) {
            senders.send(new Hanging());
        }
        await().atMost(SOON).until(() -> hanging.get() == AckSenders.MAX_THREADS);
        now.addAndGet(AckSenders.STUCK_NANOS);
        assertEquals(List.of(), senders.problems(), "they harm nobody else");
        senders.send(new Waiting());
        senders.send(new Waiting());
        assertEquals(
                List.of("64 sources have not returned from acknowledge() or ended() for 5 s; the answers of 2 other"
                        + " sources wait for them; a source must not block"),
                senders.problems());
        now.addAndGet(-1);
        assertEquals(List.of(), senders.problems(), "that may happen");
        now.addAndGet(1);
        letGo.countDown();
        await().atMost(SOON).until(() -> sent.get() == 2);
        assertEquals(List.of(), senders.problems());
        senders.close();
    }
}
