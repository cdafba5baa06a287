package io.fleettelemetry.features.foreign;

import java.util.concurrent.CountDownLatch;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;

/** A bundle of somebody's that never ends to stop, and with it the framework. */
public final class StuckBundle implements BundleActivator {

    @Override
    public void start(BundleContext context) {
        // nothing to do
    }

    @Override
    public void stop(BundleContext context) throws InterruptedException {
        new CountDownLatch(1).await();
    }
}
