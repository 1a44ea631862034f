using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.Evidence;
using Cloister.Broker.Host.Admission;
using Cloister.Broker.Host.Audit;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.Host.Endpoints;
using Cloister.Broker.Host.Metrics;
using Cloister.Broker.Host.Serving;
using Cloister.Broker.Host.Traces;
using Cloister.Broker.Policies;
using Cloister.Broker.State;
using Cloister.Broker.Tokens;
using Cloister.Collateral;
using Cloister.Kbs;
using Microsoft.Extensions.Logging;

namespace Cloister.Broker.Host.Hosting;

/// <summary>A broker that listens, with everything it is made of. Wiring: each part gets what it needs here, and nowhere else. secrets: as its parts.</summary>
internal sealed class RunningBroker : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _parts = []; // in the order they were started

    private readonly CancellationTokenSource _stopping = new();

    private readonly SemaphoreSlim _reloading = new(1);

    private AdminListener? _admin;
    private SqlBrokerState? _state;
    private BrokerLog? _log;
    private string _digest = "";

    private RunningBroker()
    {
    }

    /// <summary><c>ready https://ADDRESS:PORT pin sha256:... [admin https://ADDRESS:PORT [console https://ADDRESS:PORT]]</c>.</summary>
    public string Ready { get; private set; } = "";

    /// <summary>Starts.</summary>
    /// <exception cref="BrokerConfigurationException">A file that the configuration names is not what it should be.</exception>
    /// <exception cref="BrokerStateException">The database does not answer.</exception>
    /// <exception cref="KeyStores.KeyStoreException">The root key or the key store does not answer, or is another one.</exception>
    /// <exception cref="IOException">An address cannot be listened on.</exception>
    public static async Task<RunningBroker> StartAsync(
        BrokerConfiguration configuration, string version, ILoggerFactory logs, TimeProvider clock, CancellationToken cancellation)
    {
        ConfigurationFiles.Check(configuration);
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
        if (configuration.Traces is { } traces)
        {
            Add(new Ending(BrokerTraces.Start(traces, version)));
        }

        DatabaseAddress address = DatabaseAddress.Parse(configuration.Database);
        SqlBrokerState state = Add(await SqlBrokerState.OpenAsync(address, clock, cancellation));
        BrokerKeys keys = Add(await BrokerKeys.OpenAsync(configuration, state, log, clock, cancellation));
        ServerCertificate certificate = new(CertificateRole.Broker, configuration.Tls, keys.Authority, clock);
        ServerCertificate? adminCertificate = configuration.Admin is null ? null : new(CertificateRole.Administration, configuration.Tls, keys.Authority, clock);
        (_state, _log, _digest) = (state, log, configuration.Digest);
        string stores = string.Join(", ", keys.Stores.Keys);
        log.Started(version, keys.Authority.Id, address, stores);
        HeadMemory memory = HeadMemory.Of(configuration, keys.Authority.Id);
        await AuditStart.ContinueAsync(state, memory, keys.Checkpoints, configuration, version, log, cancellation);
        CheckpointPublisher publisher = Add(new CheckpointPublisher(configuration.Audit, memory, state, log, clock));
        foreach (string file in new[] { configuration.RootKey, configuration.NewRootKey }.Select(root => root?.File).OfType<string>())
        {
            log.FileRootKey(file);
        }

        if (keys.RowsAdopted)
        {
            log.RowsAdopted();
        }

        if (configuration.StateDirectory is null)
        {
            log.NoStateDirectory();
        }

        BrokerAdministration administration = new(state, keys.Stores, keys.Authority.Id, yaml => PolicyErrors(yaml, configuration.OtherRoots), clock);
        if (configuration.OtherRoots.Allows)
        {
            log.OtherRootsAllowed();
        }

        RevocationList revocations = new(state);
        ChangeFeed feed = new(state, revocations, log);
        ISnpCollateralSource? snp = CollateralSources.OpenSnp(configuration.Collateral, clock);
        EvidenceVerification verification = new(
            CollateralSources.Open(configuration.Collateral, early: false), clock, snp, configuration.OtherRoots,
            VerificationPlaces.ForThisMachine(), state.HasLeaseOnAsync, root => new StoredTcbFloor(state, root));
        if (configuration.Collateral.Kds is null)
        {
            log.NoRevocationForSnp();
        }

        RefusalLog refusals = new(state, clock);
        ServerCertificate[] certificates = [.. new[] { certificate, adminCertificate }.OfType<ServerCertificate>()];
        Add(new Housekeeping(
            state, keys.Checkpoints, publisher, configuration.Audit.KeepDays, administration, certificates, feed, refusals,
            new KekEviction(state, keys.Stores.Values, keys.Authority.Id, log), clock, log));
        Add(new AuthorityWatch(keys.Source, keys.Version, keys.Authority, certificates, log));
        ForecastWatch forecasts = Add(ForecastWatch.Start(configuration, state, verification, snp, clock, log));
        BrokerMetrics metrics = new(version);
        Add(new StateMetrics(metrics, state, keys.Stores, keys.Authority, certificates, clock, log));
        _ = new AuditMetrics(metrics, publisher);
        _ = new ForecastMetrics(metrics, forecasts.Forecaster);
        HealthEndpoint health = new(state, keys.Stores, clock, log);
        Endpoint[] endpoints =
        [
            .. EnclaveEndpoints(configuration, state, keys, verification, refusals, new PolicyCache(state, configuration.OtherRoots, keys.Challenges, clock, log), revocations, feed, metrics, clock),
            health,
            new LivenessEndpoint(),
            new ReadyEndpoint(health),
            new MetricsEndpoint(metrics),
        ];
        WebListener enclaves = Add(await WebListener.StartAsync(
            configuration.Listen, certificate.Options(), ConnectionPlaces.MostFor(configuration.Limits.Connections), logs, routes =>
            {
                BrokerTraces.Use(routes, "enclaves", knowsCallers: false);
                new EndpointMap(metrics, log).Map(routes, endpoints);
            }, cancellation));
        Add(new Stopping(_stopping));
        Ready = $"ready {enclaves.Address} pin {keys.Authority.Pin}";
        if (configuration.Admin is { } section)
        {
            _admin = Add(await AdminListener.StartAsync(section, state, keys, administration, verification, forecasts.Forecaster, adminCertificate!, () => Deliveries(publisher), log, logs, clock, cancellation));
            Ready += $" admin {_admin.Address}{(_admin.SignOnAddress is { } people ? $" console {people}" : "")}";
        }
        else
        {
            log.NoAdministration();
        }
    }

    private static IReadOnlyList<CheckpointDelivery> Deliveries(CheckpointPublisher publisher) =>
    [
        .. publisher.Deliveries.OrderBy(one => one.To, StringComparer.Ordinal).Select(one => new CheckpointDelivery(
            one.To, one.Delivery.Size, one.Delivery.At == 0 ? null : DateTimeOffset.FromUnixTimeSeconds(one.Delivery.At), one.Delivery.Failures)),
    ];

    /// <summary>Reads the configuration again, for what can change while a broker runs: administrators, <c>twoPersons</c>, <c>restoreUnknown</c>. A wrong one changes nothing.</summary>
    /// <param name="read">Reads it.</param>
    public async Task ReloadAsync(Func<BrokerConfiguration> read)
    {
        await _reloading.WaitAsync();
        try
        {
            BrokerConfiguration next = read();
            if (_admin is not null)
            {
                await _admin.ReplaceAsync(next.Admin, () => _state!.AppendAsync(ConfigurationAudit.Reloaded(_digest, next), CancellationToken.None));
            }

            _digest = next.Digest;
            _log!.Reloaded(next.Digest);
        }
        catch (BrokerConfigurationException e)
        {
            _log!.NotReloaded(e.Message);
            await _state!.AppendAsync(ConfigurationAudit.NotReloaded(_digest), CancellationToken.None);
        }
        catch (BrokerStateException e)
        {
            _log!.NotReloaded($"who was removed is out, nobody else is in: {e.Message}; send SIGHUP again");
        }
        catch (Exception e)
        {
            // Whatever it was: the broker goes on, and whoever sent the signal is told.
            _log!.NotReloaded($"{e.Message}; send SIGHUP again");
        }
        finally
        {
            _reloading.Release();
        }
    }

    private Endpoint[] EnclaveEndpoints(
        BrokerConfiguration configuration, SqlBrokerState state, BrokerKeys keys, EvidenceVerification verification, RefusalLog refusals, PolicyCache policies,
        RevocationList revocations, ChangeFeed feed, BrokerMetrics metrics, TimeProvider clock)
    {
        BrokerAuthority authority = keys.Authority;
        KekDirectory keks = new(state, keys.Stores, authority.Id, clock);
        LeasedKeys leased = new(keks);
        ChallengeService challenges = new(keys.Challenges, clock);
        string audience = configuration.TokenAudience ?? TokenIssuer.DefaultAudience(authority);
        TokenGate tokens = new(new TokenVerifier(authority, audience, clock), state);
        TokenIssuer issuer = new(authority, audience, clock);
        AdmissionControl admission = new(configuration.Limits, tokens);
        EvidenceService evidence = new(verification, policies, keks, refusals, state, metrics, clock);
        CryptoService crypto = new(keks, revocations, state);
        return
        [
            new AuthEndpoint(challenges),
            new AttestEndpoint(new AttestationService(admission, challenges, evidence, policies, revocations, state, issuer, clock), admission),
            new ResourceEndpoint(new ResourceService(policies, keks, leased, revocations, state, clock), tokens),
            new LeaseEndpoint(new LeaseService(admission, challenges, evidence, keks, leased, revocations, state, authority, issuer, metrics, clock), admission),
            new WatchEndpoint(new WatchService(feed, revocations, state, _stopping.Token), tokens),
            new CertificateEndpoint(new CertificateService(policies, keks, revocations, state, authority, clock), tokens),
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

    private sealed class Ending(IDisposable part) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            part.Dispose();
            return default;
        }
    }

    // Long polls are answered first, so that the listener need not wait for them.
    private sealed class Stopping(CancellationTokenSource stopping) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await stopping.CancelAsync();
    }
}
