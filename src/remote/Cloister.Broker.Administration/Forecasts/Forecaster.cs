using Cloister.AdminApi;
using Cloister.Attestation;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Collateral;
using Cloister.Broker.Administration.Policies;
using Cloister.Broker.Evidence;
using Cloister.Broker.Policies;
using Cloister.Broker.State;
using Cloister.Broker.State.Leases;
using Cloister.Broker.State.Policies;
using Cloister.Collateral;

namespace Cloister.Broker.Administration.Forecasts;

/// <summary>What evidence is judged with, to look ahead.</summary>
/// <param name="Now">What decides.</param>
/// <param name="Early">With early collateral, which decides nothing.</param>
/// <param name="Later">What decides, by a clock that is <see cref="Forecaster.Days"/> ahead.</param>
/// <param name="Snp">Where endorsements for SEV-SNP come from; null: guests send them.</param>
/// <param name="DcapSource">The source for SGX and TDX, for people.</param>
/// <param name="SnpSource">The source for SEV-SNP, for people.</param>
public sealed record ForecastSources(EvidenceVerification Now, EvidenceVerification Early, EvidenceVerification Later, ISnpCollateralSource? Snp, string DcapSource, string SnpSource);

/// <summary>
/// Says which enclaves will be refused: the last evidence of every lease is judged once more by the policy of its KEK, with the collateral that counts, with early
/// collateral, and as of some days ahead. Nobody's lease is touched. Thread-safe; one look at a time. secrets: none.
/// </summary>
public sealed class Forecaster(IBrokerState state, ForecastSources sources, TimeProvider clock) : IDisposable
{
    /// <summary>How many days it looks ahead. Collateral of vendors is good for a month and renewed each day: what ends so soon was not fetched for weeks.</summary>
    public const int Days = 7;

    private const string Fetching = "collateral"; // the step of evidence whose collateral was not to be had

    // Judging is cheap, but not free: one look must not take a broker's processors away for long.
    private const int MostLeases = 20_000;

    private readonly SemaphoreSlim _one = new(1);
    private FleetForecast? _last;
    private CollateralStatus? _lastCollateral;

    /// <summary>What was seen last; null: nobody has looked yet.</summary>
    public FleetForecast? Last => Volatile.Read(ref _last);

    /// <summary>The collateral that was here then; null: nobody has looked yet.</summary>
    public CollateralStatus? LastCollateral => Volatile.Read(ref _lastCollateral);

    /// <summary>Looks.</summary>
    /// <exception cref="BrokerStateException">The database does not answer.</exception>
    public async Task<FleetForecast> LookAsync(CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation);
        try
        {
            DateTimeOffset now = clock.GetUtcNow();
            LeaseRecord[] live = [.. (await state.ListLeasesAsync(null, cancellation)).Where(lease => lease.ExpiresAt > now)];
            Dictionary<string, KekPolicy> policies = new(StringComparer.Ordinal);
            List<EnclaveForecast> enclaves = [];
            foreach (LeaseRecord lease in live.Take(MostLeases))
            {
                if (!policies.TryGetValue(lease.Kek, out KekPolicy? policy))
                {
                    policies.Add(lease.Kek, policy = await PolicyOfAsync(lease.Kek, cancellation));
                }

                enclaves.Add(await LookAsync(lease, policy, cancellation));
            }

            FleetForecast forecast = FleetForecast.Of(now, Days, live.Length > MostLeases, [.. enclaves.OrderBy(one => Rank(one.Outlook))]);
            Volatile.Write(ref _lastCollateral, Collateral());
            Volatile.Write(ref _last, forecast);
            return forecast;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>The collateral that is here: of enclaves that have a lease as of the last look, and of others that attested.</summary>
    public CollateralStatus Collateral() => CollateralStatus.Of(
        clock.GetUtcNow(),
        [
            .. Entries(sources.Now, early: false), .. Entries(sources.Early, early: true),
            .. (sources.Snp?.Items ?? []).Select(one => Entry(one.Model, early: false, sources.SnpSource, one.Item)),
        ]);

    /// <inheritdoc />
    public void Dispose() => _one.Dispose();

    private IEnumerable<CollateralEntry> Entries(EvidenceVerification verification, bool early) => verification.Collateral.SelectMany(
        one => one.Collateral.Items.Select(item => Entry(DirectoryCollateralSource.NameOf(one.Model), early, sources.DcapSource, item)));

    private static CollateralEntry Entry(string model, bool early, string source, CollateralItem item) =>
        new(model, item.Name, early, source, item.IssuedAt, item.EndsAt, item.TcbEvaluationDataNumber);

    private static int Rank(string outlook) => outlook switch
    {
        Outlooks.RefusedNow => 0,
        Outlooks.RefusedSoon => 1,
        Outlooks.RefusedByEarly => 2,
        Outlooks.Unknown => 3,
        _ => 4,
    };

    private async Task<EnclaveForecast> LookAsync(LeaseRecord lease, KekPolicy policy, CancellationToken cancellation)
    {
        EvidenceClaims? claims = null;
        if (policy.Policy is not { } decides)
        {
            return Of(Outlooks.RefusedNow, early: false, new StepFailure("policy", "none", policy.Problem));
        }

        if (await state.FindEvidenceAsync(lease.Id, cancellation) is not { } record)
        {
            return Of(Outlooks.Unknown, early: false, new StepFailure("evidence", "not_kept", "the broker has no evidence of this lease any more: it will after the next renewal"));
        }

        // A document of Nitro is good for hours, and nothing is fetched for it: there is nothing to look ahead to.
        if (record.Tee == TeeNames.NameOf(Tee.Nitro))
        {
            return Of(Outlooks.Accepted, early: false, null);
        }

        KeptEvidence evidence = KeptEvidence.Of(record);
        (StepFailure? now, claims) = await evidence.JudgeAsync(sources.Now, decides, cancellation);
        if (now is not null)
        {
            return Of(Outlooks.RefusedNow, early: false, now);
        }

        bool mayHaveEarly = record.Tee != TeeNames.NameOf(Tee.Snp) && record.Tee != TeeNames.NameOf(Tee.AzureSnp);
        StepFailure? early = mayHaveEarly ? (await evidence.JudgeAsync(sources.Early, decides, cancellation)).Failure : null;
        bool hasEarly = mayHaveEarly && early is not { Step: Fetching };
        StepFailure? later = (await evidence.JudgeAsync(sources.Later, decides, cancellation)).Failure;

        // Collateral that cannot be had says nothing about what it would say. What counts and does not verify some days ahead, because it ends, does.
        return later is not null and not { Step: Fetching, Code: not "not_authentic" } ? Of(Outlooks.RefusedSoon, hasEarly, later)
            : hasEarly && early is not null ? Of(Outlooks.RefusedByEarly, early: true, early)
            : Of(Outlooks.Accepted, hasEarly, early);

        EnclaveForecast Of(string outlook, bool early, StepFailure? failure) => new(
            lease.Id, lease.Instance, lease.Cluster, lease.Provider, lease.Kek, lease.Tee, lease.Measurement, lease.Platform, policy.Name,
            outlook, early, failure?.Step ?? "", failure?.ToString() ?? "")
        {
            TcbStatus = claims?.TcbStatus?.ToString() ?? "", TcbDate = claims?.TcbDate, Advisories = claims?.AdvisoryIds ?? [],
        };
    }

    private async Task<KekPolicy> PolicyOfAsync(string kek, CancellationToken cancellation)
    {
        try
        {
            string name = (await state.FindKekAsync(kek, cancellation))?.Record.Policy ?? "";
            PolicyRecord? record = name.Length == 0 ? null : await state.FindPolicyAsync(name, cancellation);
            ReleasePolicy? policy = record is null ? null : ReleasePolicyReader.Read(record.Yaml).Policy;
            return new KekPolicy(name, policy, policy is null ? "the KEK or its policy is not there, or cannot be read: an operator has to set it" : "");
        }
        catch (BrokerStateException e) when (e.Error == BrokerStateError.NotAuthentic)
        {
            return new KekPolicy("", null, e.Message);
        }
    }

    private sealed record KekPolicy(string Name, ReleasePolicy? Policy, string Problem);
}

/// <summary>A clock that is ahead.</summary>
public sealed class ClockAhead(TimeProvider clock, TimeSpan by) : TimeProvider
{
    /// <inheritdoc />
    public override DateTimeOffset GetUtcNow() => clock.GetUtcNow() + by;
}
