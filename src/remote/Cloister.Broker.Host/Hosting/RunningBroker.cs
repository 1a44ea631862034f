using Cloister.Broker.Host.Configuration;
using Cloister.Broker.State;
using Microsoft.Extensions.Logging;

namespace Cloister.Broker.Host.Hosting;

/// <summary>A broker that listens, with everything it is made of. Wiring: each part gets what it needs here, and nowhere else. secrets: as its parts.</summary>
internal sealed class RunningBroker : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _parts = []; // in the order they were started

    private RunningBroker()
    {
    }

    /// <summary><c>ready https://ADDRESS:PORT pin sha256:... [admin https://ADDRESS:PORT]</c>.</summary>
    public string Ready { get; private set; } = "";

    /// <summary>Starts.</summary>
    /// <exception cref="BrokerConfigurationException">A file that the configuration names is not what it should be.</exception>
    /// <exception cref="BrokerStateException">The database does not answer.</exception>
    /// <exception cref="KeyStores.KeyStoreException">The root key or the key store does not answer, or is another one.</exception>
    /// <exception cref="IOException">An address cannot be listened on.</exception>
    public static async Task<RunningBroker> StartAsync(
        BrokerConfiguration configuration, string version, ILoggerFactory logs, TimeProvider clock, CancellationToken cancellation)
    {
        RunningBroker broker = new();
        try
        {
            await broker.StartPartsAsync(configuration, version, logs, clock, cancellation);
            return broker;
        }
        catch
        {
            await broker.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops in order: listeners, background work, keys, database.</summary>
    public async ValueTask DisposeAsync()
    {
        for (int i = _parts.Count - 1; i >= 0; i--)
        {
            await _parts[i].DisposeAsync();
        }

        _parts.Clear();
    }

    private async Task StartPartsAsync(BrokerConfiguration configuration, string version, ILoggerFactory logs, TimeProvider clock, CancellationToken cancellation)
    {
        BrokerLog log = new(logs.CreateLogger<BrokerLog>());
        DatabaseAddress address = DatabaseAddress.Parse(configuration.Database);
        SqlBrokerState state = Add(await SqlBrokerState.OpenAsync(address, clock, cancellation));
        BrokerKeys keys = Add(await BrokerKeys.OpenAsync(configuration, state, clock, cancellation));
        ServerCertificate certificate = new(configuration.Tls, keys.Authority, clock);
        string stores = string.Join(", ", keys.Stores.Keys);
        log.Started(version, keys.Authority.Id, address, stores);
        if (configuration.RootKey.File is { } file)
        {
            log.FileRootKey(file);
        }

        WebListener enclaves = Add(await WebListener.StartAsync(configuration.Listen, certificate.Options(), logs, _ => { }, cancellation));
        Ready = $"ready {enclaves.Address} pin {keys.Authority.Pin}";
    }

    private T Add<T>(T part)
        where T : IAsyncDisposable
    {
        _parts.Add(part);
        return part;
    }
}
