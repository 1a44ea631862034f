using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Audit;
using Cloister.Broker.Host.Hosting;
using Cloister.Broker.State;
using Cloister.Broker.State.Keks;
using Cloister.Broker.State.Requests;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.Tokens;
using Cloister.Contracts.Keys;
using Cloister.KeyStores;
using Prometheus;

namespace Cloister.Broker.Host.Metrics;

/// <summary>
/// What database and key stores say, as metrics: looked at every 15 s and not by scrapes, since whoever reaches the port can scrape. What cannot be looked at keeps its
/// last value; whether it could be is a metric of its own. secrets: none.
/// </summary>
internal sealed class StateMetrics : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan StoreTimeout = TimeSpan.FromSeconds(10);

    private readonly SqlBrokerState _state;
    private readonly IReadOnlyDictionary<string, IKeyStore> _stores;
    private readonly BrokerAuthority _authority;
    private readonly TimeProvider _clock;
    private readonly BrokerLog _log;
    private readonly RecoveryRecord _recovery = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Gauge _database;
    private readonly Gauge _storesUp;
    private readonly Gauge _storeSeconds;
    private readonly Gauge _leases;
    private readonly Gauge _revocations;
    private readonly Gauge _requests;
    private readonly Gauge _oldestRequest;
    private readonly Gauge _activeSince;
    private readonly Gauge _destroying;
    private readonly Gauge _withoutShares;
    private readonly Gauge _withoutDrill;
    private readonly Gauge _drillAt;
    private readonly Task _work;

    /// <summary>Begins to look.</summary>
    /// <param name="metrics">Where.</param>
    /// <param name="state">The database.</param>
    /// <param name="stores">Key stores by name.</param>
    /// <param name="authority">Names KEK versions.</param>
    /// <param name="certificates">Of the listeners.</param>
    /// <param name="clock">What time it is.</param>
    /// <param name="log">For people.</param>
    public StateMetrics(
        BrokerMetrics metrics, SqlBrokerState state, IReadOnlyDictionary<string, IKeyStore> stores, BrokerAuthority authority, IReadOnlyList<ServerCertificate> certificates,
        TimeProvider clock, BrokerLog log)
    {
        (_state, _stores, _authority, _clock, _log) = (state, stores, authority, clock, log);
        state.Observe(metrics.Stored);
        Gauge rowChange = metrics.Gauge("row_change", "Number of the newest change of a row that decides. It never goes back.");
        Gauge notAuthentic = metrics.Gauge("rows_not_authentic", "Rows that no broker made, changed or removed, at the last look.");
        Gauge waiting = metrics.Gauge("writes_waiting", "Writes that wait for the database.");
        Gauge expires = metrics.Certificates();
        _database = metrics.Gauge("database_up", "The database answered at the last look.");
        _storesUp = metrics.Gauge("key_store_up", "The key store answered at the last look.", "store");
        _storeSeconds = metrics.Gauge("key_store_check_seconds", "How long it took to answer.", "store");
        _leases = metrics.Gauge("leases", "Leases that have not ended, by TEE.", "tee");
        _revocations = metrics.Gauge("revocations", "Revocations in force, by kind.", "kind");
        _requests = metrics.Gauge("requests_waiting", "Acts that wait for a second administrator.");
        _oldestRequest = metrics.Gauge("oldest_request_timestamp_seconds", "When the oldest of these was asked for, Unix time; 0: there is none.");
        _activeSince = metrics.Gauge(
            "active_key_timestamp_seconds", "From when on writes use a KEK version, Unix time; key_id_hash as in apiserver_envelope_encryption_key_id_hash_total.", "key_id_hash");
        _destroying = metrics.Gauge("versions_to_be_destroyed", "KEK versions whose destruction is ordered and can be cancelled.");
        _withoutShares = metrics.Gauge("versions_without_shares", "KEK versions that may be released and have no recovery shares in the audit log: lost with the root key.");
        _withoutDrill = metrics.Gauge("keks_without_drill", "KEKs that may be released of which shares were never tried with success.");
        _drillAt = metrics.Gauge("oldest_drill_timestamp_seconds", "The last drill that worked, of the KEK where that is longest ago, Unix time; 0: there is none.");
        metrics.BeforeScrape(() =>
        {
            rowChange.Set(state.RowHead?.Seq ?? 0);
            notAuthentic.Set(state.RowsNotAuthentic);
            waiting.Set(state.WaitingWrites);
            foreach (ServerCertificate certificate in certificates)
            {
                expires.WithLabels(certificate.Role[(certificate.Role.LastIndexOf(':') + 1)..]).Set(certificate.Expires.ToUnixTimeSeconds());
            }

            using X509Certificate2 own = X509CertificateLoader.LoadCertificate(authority.Keys.Certificates[0]);
            expires.WithLabels("authority").Set(new DateTimeOffset(own.NotAfter).ToUnixTimeSeconds());
        });
        _work = Task.Run(RunAsync);
    }

    /// <summary>Ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await LookAsync();
                _database.Set(1);
            }
            catch (BrokerStateException) when (!_stop.IsCancellationRequested)
            {
                _database.Set(0);
            }
            catch (Exception e) when (!_stop.IsCancellationRequested)
            {
                // Whatever it is: the next look may see more.
                _log.BackgroundFailed("measuring", e.Message);
            }
            catch (Exception)
            {
                return;
            }

            await Task.WhenAll(_stores.Select(store => CheckAsync(store.Key, store.Value)));
            await Task.Delay(Interval, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAsync()
    {
        CancellationToken stop = _stop.Token;
        DateTimeOffset now = _clock.GetUtcNow();
        BrokerMetrics.Replace(_leases, (await _state.CountLeasesAsync(now, stop)).GroupBy(one => one.Tee).Select(tee => ((string[])[tee.Key], (double)tee.Sum(one => one.Count))));
        IReadOnlyList<Revocation> revocations = await _state.ListRevocationsAsync(stop);
        BrokerMetrics.Replace(_revocations, Enum.GetValues<RevocationKind>().Select(kind => ((string[])[$"{kind}".ToLowerInvariant()], (double)revocations.Count(one => one.Kind == kind))));
        IReadOnlyList<PendingAct> requests = await _state.ListRequestsAsync(stop);
        _requests.Set(requests.Count);
        _oldestRequest.Set(requests.Count == 0 ? 0 : requests[0].At.ToUnixTimeSeconds());
        IReadOnlyList<Kek> keks = await _state.ListKeksAsync(null, stop);
        BrokerMetrics.Replace(_activeSince, keks.Select(kek => kek.ActiveAt(now)).OfType<KekVersion>().Select(version => ((string[])[HashOf(version)], (double)version.ActiveAt.ToUnixTimeSeconds())));
        _destroying.Set(keks.SelectMany(kek => kek.Versions).Count(version => version.State == KekVersionState.DestroyScheduled));
        _recovery.Take(await _state.ListRecoveryAsync(_recovery.Next, stop));
        Kek[] released = [.. keks.Where(kek => kek.Record.Release)];
        _withoutShares.Set(released.Sum(kek => kek.Versions.Count(version => version.State != KekVersionState.Destroyed && !_recovery.HasShares(version.Name, version.Version))));
        DateTimeOffset?[] drills = [.. released.Select(kek => _recovery.DrilledAt(kek.Record.Name))];
        _withoutDrill.Set(drills.Count(one => one is null));
        _drillAt.Set(drills.Min()?.ToUnixTimeSeconds() ?? 0);
    }

    // One that hangs is away; it is asked again at the next look.
    private async Task CheckAsync(string name, IKeyStore store)
    {
        long began = Stopwatch.GetTimestamp();
        try
        {
            await store.CheckAsync(_stop.Token).WaitAsync(StoreTimeout, _clock, _stop.Token);
            _storesUp.WithLabels(name).Set(1);
        }
        catch (Exception) when (!_stop.IsCancellationRequested)
        {
            _storesUp.WithLabels(name).Set(0);
        }
        catch (Exception)
        {
            return;
        }

        _storeSeconds.WithLabels(name).Set(Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    private string HashOf(KekVersion version) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        KeyId.Format(new KekIdentity(_authority.Id, version.Name, checked((uint)version.Version), version.Generation).Fingerprint()))))}";

    /// <summary>What the audit log has said of shares and drills so far.</summary>
    private sealed class RecoveryRecord
    {
        private readonly HashSet<(string Kek, int Version)> _shares = [];
        private readonly Dictionary<string, DateTimeOffset> _drills = [];

        internal long Next { get; private set; } = 1;

        internal void Take(IReadOnlyList<AuditEntry> entries)
        {
            foreach (AuditEntry entry in entries)
            {
                Next = entry.Seq + 1;
                if (JsonNode.Parse(entry.Details) is not JsonObject details || (string?)details["result"] != "done" || (string?)details["kek"] is not { } kek)
                {
                    continue;
                }

                if (entry.Kind == "kek.export" && (int?)details["version"] is { } version)
                {
                    _shares.Add((kek, version));
                }
                else if (entry.Kind == "kek.drill" && (bool?)details["matches"] == true)
                {
                    _drills[kek] = DateTimeOffset.FromUnixTimeMilliseconds(entry.Time);
                }
            }
        }

        internal bool HasShares(string kek, int version) => _shares.Contains((kek, version));

        internal DateTimeOffset? DrilledAt(string kek) => _drills.TryGetValue(kek, out DateTimeOffset at) ? at : null;
    }
}
