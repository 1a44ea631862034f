using System.Collections.Concurrent;
using System.Threading.RateLimiting;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Collateral;

/// <summary>
/// Endorsements from AMD's service, remembered: a VCEK for as long as this lives, authorities and revocation lists for a day, that there is none for ten
/// minutes. Reports cannot be verified before their key is here, and AMD answers few requests, so requests are limited: strangers have a third of them and use
/// up no others, and one chip of those that are known has a few. Thread-safe.
/// </summary>
public sealed class KdsSnpSource : ISnpCollateralSource, IDisposable
{
    private const int MaxVceks = 65_536;
    private const int MaxFailures = 4096;
    private static readonly TimeSpan AuthoritiesLast = TimeSpan.FromDays(1);
    private static readonly TimeSpan AbsentFor = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan FailureFor = TimeSpan.FromSeconds(15);

    private readonly KdsClient _client;
    private readonly TimeProvider _clock;
    private readonly ConcurrentDictionary<string, Certificate> _vceks = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(SnpProductLine, SnpSigningKey), Authorities> _authorities = new();
    private readonly NegativeCache<string> _failures = new(MaxFailures);
    private readonly NegativeCache<(SnpProductLine, SnpSigningKey)> _authorityFailures = new(MaxFailures);
    private readonly TokenBucketRateLimiter _strangers = new(Bucket(20, 1, TimeSpan.FromSeconds(3)));
    private readonly TokenBucketRateLimiter _known = new(Bucket(40, 2, TimeSpan.FromSeconds(3)));

    // A chip id is no secret: whoever names a known one must not use up what the others need.
    private readonly PartitionedRateLimiter<string> _chips = PartitionedRateLimiter.Create<string, string>(
        chip => RateLimitPartition.GetTokenBucketLimiter(chip, _ => Bucket(8, 1, TimeSpan.FromMinutes(5))));

    /// <summary>A source before <paramref name="client"/>.</summary>
    public KdsSnpSource(KdsClient client, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(clock);
        _client = client;
        _clock = clock;
    }

    /// <inheritdoc />
    public IReadOnlyList<(string Model, CollateralItem Item)> Items =>
    [
        .. _authorities.SelectMany(one => ((string, CollateralItem)[])
        [
            (DirectorySnpSource.NameOf(one.Key.Item1), CollateralItem.Of(one.Key.Item2 == SnpSigningKey.Vlek ? "ca_chain (vlek)" : "ca_chain", one.Value.Certificates)),
            (DirectorySnpSource.NameOf(one.Key.Item1), CollateralItem.Of(one.Key.Item2 == SnpSigningKey.Vlek ? "crl (vlek)" : "crl", one.Value.Revoked)),
        ]),
    ];

    /// <inheritdoc />
    public async Task<SnpCollateral> GetAsync(SnpReport report, bool hasKey, Requester requester, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(report);
        if (report.SigningKey == SnpSigningKey.None)
        {
            return SnpCollateral.None;
        }

        CollateralException? last = null;
        foreach (SnpProductLine product in ProductsOf(report))
        {
            try
            {
                List<Certificate> keys = report.SigningKey == SnpSigningKey.Vcek && !hasKey ? [await VcekAsync(report, product, requester, cancellationToken)] : [];
                Authorities authorities = await AuthoritiesAsync(product, report.SigningKey, cancellationToken);
                return new SnpCollateral { EndorsementKeys = keys, Authorities = authorities.Certificates, RevocationLists = [authorities.Revoked] };
            }
            catch (CollateralException e) when (e.Code == "http_status")
            {
                last = e; // not this product line's, if the report does not say which it is
            }
        }

        throw last!;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _strangers.Dispose();
        _known.Dispose();
        _chips.Dispose();
    }

    private static TokenBucketRateLimiterOptions Bucket(int limit, int tokens, TimeSpan period) =>
        new() { TokenLimit = limit, TokensPerPeriod = tokens, ReplenishmentPeriod = period, QueueLimit = 0 };

    /// <summary>The product lines that a report may be of. Version 2 does not name its processor. A chip id of Turin is 8 bytes long.</summary>
    /// <exception cref="CollateralException">It is of a processor that is not known.</exception>
    public static IReadOnlyList<SnpProductLine> ProductsOf(SnpReport report) =>
        report.Processor is { } processor ? processor.ProductLine is { } product ? [product] : throw new CollateralException("unknown_product", $"the report is of a processor of family {processor.Family:x}h model {processor.Model:x}h, which is not known here")
        : [.. SnpProduct.WithKeys.Where(one => one.ChipIdLength == (report.ChipId[8..].ContainsAnyExcept((byte)0) ? 64 : 8)).Select(one => one.Line!.Value)];

    private async Task<Certificate> VcekAsync(SnpReport report, SnpProductLine product, Requester requester, CancellationToken cancellationToken)
    {
        string path = KdsPaths.Vcek(report, product);
        if (_vceks.TryGetValue(path, out Certificate? known))
        {
            return known;
        }

        if (_failures.Find(path, _clock.GetUtcNow()) is { } failed)
        {
            throw failed;
        }

        string chip = Convert.ToHexStringLower(report.ChipId);
        if (!IsAllowed(chip, requester))
        {
            throw new CollateralException("busy", "too many certificates were asked of AMD: try again later, or let the guest send its certificate table");
        }

        try
        {
            Certificate vcek = await _client.GetVcekAsync(report, product, cancellationToken);
            if (_vceks.Count >= MaxVceks)
            {
                _vceks.Clear();
            }

            return _vceks[path] = vcek;
        }
        catch (CollateralException e)
        {
            _failures.Add(path, e, _clock.GetUtcNow(), e.Code == "http_status" ? AbsentFor : FailureFor);
            throw;
        }
    }

    private bool IsAllowed(string chip, Requester requester)
    {
        if (requester == Requester.Unknown)
        {
            using RateLimitLease stranger = _strangers.AttemptAcquire();
            return stranger.IsAcquired;
        }

        using RateLimitLease ofChip = _chips.AttemptAcquire(chip);
        using RateLimitLease permit = ofChip.IsAcquired ? _known.AttemptAcquire() : ofChip;
        return permit.IsAcquired;
    }

    private async Task<Authorities> AuthoritiesAsync(SnpProductLine product, SnpSigningKey key, CancellationToken cancellationToken)
    {
        DateTimeOffset now = _clock.GetUtcNow();
        if (_authorities.TryGetValue((product, key), out Authorities? known) && now - known.FetchedAt < AuthoritiesLast && now >= known.FetchedAt)
        {
            return known;
        }

        if (_authorityFailures.Find((product, key), now) is { } failed)
        {
            return known ?? throw failed;
        }

        try
        {
            // Few: a pair for each product line and kind of key, and asked for again after a while only. They need no limit.
            return _authorities[(product, key)] = new Authorities(
                await _client.GetAuthoritiesAsync(product, key, cancellationToken), await _client.GetRevocationListAsync(product, key, cancellationToken), now);
        }
        catch (CollateralException e)
        {
            _authorityFailures.Add((product, key), e, now, FailureFor);
            if (known is not null)
            {
                return known; // a list that is overdue is refused by the verifier
            }

            throw;
        }
    }

    private sealed record Authorities(IReadOnlyList<Certificate> Certificates, RevocationList Revoked, DateTimeOffset FetchedAt);
}
