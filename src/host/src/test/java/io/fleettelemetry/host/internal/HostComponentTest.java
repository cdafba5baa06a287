package io.fleettelemetry.host.internal;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.Receipt;
import io.fleettelemetry.api.Status;
import io.fleettelemetry.api.TelemetryRecord;
import io.fleettelemetry.host.TelemetryHost;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.cm.ConfigurationAdmin;
import org.osgi.service.cm.ManagedService;

class HostComponentTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    private final HostComponent component = new HostComponent();
    private final LogLines log = new LogLines();

    private ManagedService configuration;
    private boolean offered;
    private TelemetryHost host;

    @BeforeEach
    void activate() throws Exception {
        component.admin = proxy(ConfigurationAdmin.class, arguments -> null);
        component.activate(context());
        configure(Map.of("records.V", "nats"));
    }

    @AfterEach
    void deactivate() {
        component.deactivate();
        log.close();
    }

    private void configure(Map<String, ?> properties) throws Exception {
        configuration.updated(properties == null ? null : FrameworkUtil.asDictionary(properties));
    }

    /** A framework that has no services, and takes ours. */
    private BundleContext context() {
        ServiceRegistration<?> registration = proxy(ServiceRegistration.class, arguments -> null);
        return proxy(BundleContext.class, arguments -> {
            if (arguments != null && arguments.length == 3) {
                if (arguments[1] instanceof ManagedService service) {
                    configuration = service;
                }
                if (arguments[0] == TelemetryHost.class) {
                    offered = true;
                    host = (TelemetryHost) arguments[1];
                }
                return registration;
            }
            return null;
        });
    }

    private interface Call {
        Object answer(Object[] arguments);
    }

    private static <T> T proxy(Class<T> type, Call call) {
        return type.cast(Proxy.newProxyInstance(
                HostComponentTest.class.getClassLoader(),
                new Class<?>[] {type},
                (proxy, method, arguments) -> call.answer(arguments)));
    }

    private long withoutRoutes() {
        return log.of("host_configured").stream()
                .filter(line -> line.contains(" records={} "))
                .count();
    }

    private List<String> unknown() {
        return log.of("host_unknown_setting").stream()
                .map(line -> line.split(" ")[1])
                .toList();
    }

    @Test
    void a_mistyped_key_that_is_the_only_change_is_named_once_however_often_it_is_delivered() throws Exception {
        configure(Map.of("records.V", "nats", "hold.max", "1"));
        configure(Map.of("records.V", "nats", "hold.max", "1"));
        assertEquals(List.of("key=hold.max"), unknown());
        configure(Map.of("records.V", "nats"));
        configure(Map.of("records.V", "nats", "hold.max", "1"));
        assertEquals(List.of("key=hold.max", "key=hold.max"), unknown());
    }

    @Test
    void a_file_that_is_emptied_and_stays_so_means_no_routes_and_one_that_is_deleted_does_too() throws Exception {
        configure(Map.of("service.pid", "io.fleettelemetry.host", "felix.fileinstall.filename", "file:host.cfg"));
        assertEquals(0, withoutRoutes(), "not at once: an editor may be writing it");
        await().atMost(SOON).until(() -> withoutRoutes() == 1);
        configure(Map.of("records.V", "nats"));
        configure(null);
        assertEquals(1, withoutRoutes());
        await().atMost(SOON).until(() -> withoutRoutes() == 2);
        assertEquals(List.of(), log.of("host_configuration_refused"));
    }

    @Test
    void the_host_is_offered_when_its_configuration_is_known_and_no_sooner() throws Exception {
        HostComponent another = new HostComponent();
        another.admin = proxy(ConfigurationAdmin.class, arguments -> null);
        offered = false;
        another.activate(context());
        assertFalse(offered);
        configure(null);
        assertTrue(offered, "that there is none is known at once");
        another.deactivate();
    }

    @Test
    void a_mistyped_key_is_named_beside_a_value_that_is_refused() throws Exception {
        configure(Map.of("record.V", "nats", "reliable_ack_sources.V", "nats"));
        assertEquals(List.of("key=record.V"), unknown());
        assertEquals(1, log.of("host_configuration_refused").size());
    }

    private void add(Producer producer, String name, int ranking, long id) {
        ServiceReference<Producer> reference = reference(name, ranking, id);
        component.addProducer(reference, producer);
    }

    @SuppressWarnings("unchecked")
    private static ServiceReference<Producer> reference(String name, int ranking, long id) {
        Map<String, Object> properties =
                Map.of(Producer.DATASTORE, name, Constants.SERVICE_RANKING, ranking, Constants.SERVICE_ID, id);
        return (ServiceReference<Producer>) Proxy.newProxyInstance(
                HostComponentTest.class.getClassLoader(),
                new Class<?>[] {ServiceReference.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "getProperty" -> properties.get((String) arguments[0]);
                    case "compareTo" -> {
                        ServiceReference<?> other = (ServiceReference<?>) arguments[0];
                        int byRanking =
                                Integer.compare(ranking, (Integer) other.getProperty(Constants.SERVICE_RANKING));
                        yield byRanking != 0
                                ? byRanking
                                : Long.compare((Long) other.getProperty(Constants.SERVICE_ID), id);
                    }
                    case "equals" -> proxy == arguments[0];
                    case "hashCode" -> (int) id;
                    default -> null;
                });
    }

    private Map<String, String> details() {
        return host.status().datastores().get(0).status().details();
    }

    /** Says this of its memory, too. */
    private static Producer producer(String summary, String inFlightMaxBytes) {
        Status status = new Status(Status.State.OK, summary, Map.of("in_flight_max_bytes", inFlightMaxBytes));
        return new Producer() {
            @Override
            public void produce(TelemetryRecord record, Receipt receipt) {
                throw new UnsupportedOperationException();
            }

            @Override
            public Status status() {
                return status;
            }
        };
    }

    @Test
    void a_second_datastore_of_the_same_name_is_shown_as_standby_with_its_ranking() {
        add(producer("first", "1"), "nats", 0, 1);
        assertFalse(details().containsKey("standby"));
        add(producer("second", "1"), "nats", -1, 2);
        add(producer("third", "1"), "nats", -2, 3);
        assertEquals("0", details().get("ranking"));
        assertEquals("ranking -1, OK: second", details().get("standby"));
        assertEquals("ranking -2, OK: third", details().get("standby 2"));
        assertEquals(List.of(), host.status().problems());
    }

    @Test
    void two_datastores_of_one_name_and_ranking_are_a_problem() {
        add(producer("first", "1"), "nats", 0, 1);
        add(producer("second", "1"), "nats", 0, 2);
        assertEquals("ranking 0, OK: second", details().get("standby"));
        assertEquals(
                List.of(
                        "there are two datastores 'nats' with service.ranking = 0: chance decides which one is used; give"
                                + " one of them another name or a lower service.ranking, or delete its file"),
                host.status().problems());
    }

    @Test
    void bounds_that_the_heap_is_too_small_for_are_a_problem_with_the_numbers() throws Exception {
        long heap = Runtime.getRuntime().maxMemory();
        add(producer("first", Long.toString(heap / 8)), "nats", 0, 1);
        add(producer("other", Long.toString(heap / 8)), "other", 0, 2);
        assertEquals(List.of(), host.status().problems(), "half of the heap");
        add(producer("too much", Long.toString(heap / 8)), "other", 1, 3);
        assertEquals(1, log.of("heap_too_small").size());
        component.updatedProducer(reference("nats", 0, 1));
        assertEquals(1, log.of("heap_too_small").size(), "once");
        String problem = host.status().problems().get(0);
        assertTrue(problem.startsWith("the limits let records take "), problem);
        configure(Map.of("records.V", "nats, logger", "hold.max.bytes", Long.toString(heap / 2)));
        assertTrue(
                host.status().problems().get(0).contains(", and 2 x "),
                host.status().problems()::toString);
        assertEquals(2, log.of("heap_too_small").size());
    }
}
