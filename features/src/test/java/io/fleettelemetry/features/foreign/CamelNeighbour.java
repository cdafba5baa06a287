package io.fleettelemetry.features.foreign;

import org.apache.camel.CamelContext;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.component.nats.NatsComponent;
import org.apache.camel.impl.DefaultCamelContext;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;

/**
 * A foreign bundle that publishes to NATS by Apache Camel, and with a jnats of its own: a rising number, about a
 * hundred times a second. The header {@code Nats-Server} of its manifest says where to.
 */
public final class CamelNeighbour implements BundleActivator {

    private CamelContext camel;
    private Thread ticker;
    private volatile boolean stopped;

    @Override
    public void start(BundleContext context) {
        camel = new DefaultCamelContext();
        camel.setApplicationContextClassLoader(CamelNeighbour.class.getClassLoader());
        camel.addComponent("nats", new NatsComponent());
        camel.start();
        String endpoint =
                "nats:neighbour?servers=" + context.getBundle().getHeaders().get("Nats-Server");
        ticker = new Thread(() -> tick(endpoint), "camel-neighbour");
        ticker.start();
    }

    private void tick(String endpoint) {
        ProducerTemplate template = camel.createProducerTemplate();
        try {
            for (int number = 0; !stopped; number++) {
                template.sendBody(endpoint, String.valueOf(number));
                Thread.sleep(10);
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void stop(BundleContext context) throws InterruptedException {
        stopped = true;
        ticker.join();
        camel.stop();
    }
}
