using Cloister.Broker.Administration;
using Cloister.Broker.Evidence;
using Cloister.Broker.Host.Audit;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.Host.Endpoints;
using Cloister.Broker.Host.Serving;
using Cloister.Broker.Policies;
using Cloister.Broker.State;
using Cloister.Broker.Tokens;
using Cloister.Kbs;
using Microsoft.Extensions.Logging;

namespace Cloister.Broker.Host.Hosting;

/// <summary>A broker that listens, with everything it is made of. Wiring: each part gets what it needs here, and nowhere else. secrets: as its parts.</summary>
internal sealed class RunningBroker : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _parts = []; // in the order they were started

    private readonly CancellationTokenSource _stopping = new();

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
        ServerCertificate certificate = new(CertificateRole.Broker, configuration.Tls, keys.Authority, clock);
        ServerCertificate? adminCertificate = configuration.Admin is null ? null : new(CertificateRole.Administration, configuration.Tls, keys.Authority, clock);
        string stores = string.Join(", ", keys.Stores.Keys);
        log.Started(version, keys.Authority.Id, address, stores);
        HeadMemory memory = HeadMemory.Of(configuration, keys.Authority.Id);
        await AuditStart.ContinueAsync(state, memory, keys.Checkpoints, configuration, version, log, cancellation);
        CheckpointPublisher publisher = Add(new CheckpointPublisher(configuration.Audit, memory, state, log, clock));
        if (configuration.RootKey.File is { } file)
        {
            log.FileRootKey(file);
        }

        BrokerAdministration administration = new(state, keys.Stores, keys.Authority.Id, yaml => PolicyErrors(yaml, configuration.OtherRoots), clock);
        if (configuration.OtherRoots.Allows)
        {
            log.OtherRootsAllowed();
        }

        RevocationList revocations = new(state);
        ChangeFeed feed = new(state, revocations, log);
        EvidenceVerification verification = new(CollateralSources.Open(configuration.Collateral), clock, CollateralSources.OpenSnp(configuration.Collateral, clock), configuration.OtherRoots);
        EvidenceDesk evidence = Add(new EvidenceDesk(verification, state, clock));
        Add(new Housekeeping(
            state, keys.Checkpoints, publisher, configuration.Audit.KeepDays, administration, [.. new[] { certificate, adminCertificate }.OfType<ServerCertificate>()], feed, clock, log));
        BrokerCounters counters = new();
        Endpoint[] endpoints =
        [
            .. EnclaveEndpoints(state, keys, evidence, new PolicyBook(state, configuration.OtherRoots, log), revocations, feed, clock),
            new HealthEndpoint(state, keys.Stores, clock, log),
            new MetricsEndpoint(counters, publisher),
        ];
        WebListener enclaves = Add(await WebListener.StartAsync(
            configuration.Listen, certificate.Options(), logs, routes => new EndpointMap(counters, log).Map(routes, endpoints), cancellation));
        Add(new Stopping(_stopping));
        Ready = $"ready {enclaves.Address} pin {keys.Authority.Pin}";
        if (configuration.Admin is { } section)
        {
            WebListener admin = Add(await AdminListener.StartAsync(section, state, keys, administration, verification, adminCertificate!, log, logs, clock, cancellation));
            Ready += $" admin {admin.Address}";
        }
        else
        {
            log.NoAdministration();
        }
    }

    private Endpoint[] EnclaveEndpoints(
        SqlBrokerState state, BrokerKeys keys, EvidenceDesk evidence, PolicyBook policies, RevocationList revocations, ChangeFeed feed, TimeProvider clock)
    {
        BrokerAuthority authority = keys.Authority;
        KekDirectory keks = new(state, keys.Stores, authority.Id, clock);
        LeasedKeys leased = new(keks);
        ChallengeDesk challenges = new(keys.Challenges, state, clock);
        TokenGate tokens = new(new TokenVerifier(authority, clock), state);
        CryptoDesk crypto = new(keks, revocations, state);
        return
        [
            new AuthEndpoint(challenges),
            new AttestEndpoint(new AttestationDesk(challenges, evidence, policies, keks, revocations, state, authority, clock)),
            new ResourceEndpoint(new ResourceDesk(policies, keks, leased, revocations, state, clock), tokens),
            new LeaseEndpoint(new LeaseDesk(challenges, evidence, policies, keks, leased, revocations, state, authority, clock)),
            new WatchEndpoint(new WatchDesk(feed, revocations, state, _stopping.Token), tokens),
            new CertificateEndpoint(new CertificateDesk(policies, keks, revocations, state, authority, clock), tokens),
            new WrapEndpoint(crypto, tokens),
            new UnwrapEndpoint(crypto, tokens),
        ];
    }

    private static string[] PolicyErrors(string yaml, OtherRoots otherRoots)
    {
        ReleasePolicyReadResult read = ReleasePolicyReader.Read(yaml);
        return read.IsValid
            ? otherRoots.Refusal(read.Policy.Roots) is { } refusal ? [$"spec.roots: {refusal}"] : []
            : [.. read.Errors.Select(error => error.ToString())];
    }

    private T Add<T>(T part)
        where T : IAsyncDisposable
    {
        _parts.Add(part);
        return part;
    }

    // Long polls are answered first, so that the listener need not wait for them.
    private sealed class Stopping(CancellationTokenSource stopping) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await stopping.CancelAsync();
    }
}
