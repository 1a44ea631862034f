using System.Collections.Concurrent;
using System.Threading.RateLimiting;
using Cloister.Attestation.Abi.Snp;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify.Snp;

namespace Cloister.Collateral;

/// <summary>
/// Endorsements from AMD's service, remembered: a VCEK for as long as this lives, authorities and revocation lists for a day. Reports are not verified
/// when they are asked for, and AMD answers few requests, so requests are limited too: who sends made-up reports makes others wait, and AMD not refuse.
/// Thread-safe.
/// </summary>
public sealed class KdsSnpSource : ISnpCollateralSource, IDisposable
{
    private const int MaxVceks = 65_536;
    private static readonly TimeSpan AuthoritiesLast = TimeSpan.FromDays(1);

    private readonly KdsClient _client;
    private readonly TimeProvider _clock;
    private readonly ConcurrentDictionary<string, Certificate> _vceks = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(SnpProductLine, SnpSigningKey), Authorities> _authorities = new();
    private readonly TokenBucketRateLimiter _requests = new(new TokenBucketRateLimiterOptions
    {
        TokenLimit = 60, TokensPerPeriod = 10, ReplenishmentPeriod = TimeSpan.FromSeconds(10), QueueLimit = 0,
    });

    /// <summary>A source before <paramref name="client"/>.</summary>
    public KdsSnpSource(KdsClient client, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(clock);
        _client = client;
        _clock = clock;
    }

    /// <inheritdoc />
    public async Task<SnpCollateral> GetAsync(SnpReport report, bool hasKey, CancellationToken cancellationToken)
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
                List<Certificate> keys = report.SigningKey == SnpSigningKey.Vcek && !hasKey ? [await VcekAsync(report, product, cancellationToken)] : [];
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
    public void Dispose() => _requests.Dispose();

    // Version 2 does not name its processor. A chip id of Turin is 8 bytes long.
    private static SnpProductLine[] ProductsOf(SnpReport report) =>
        report.Processor is { } processor ? processor.ProductLine is { } product ? [product] : throw new CollateralException("malformed", "the report is of a processor that is not known here")
        : report.ChipId[8..].ContainsAnyExcept((byte)0) ? [SnpProductLine.Milan, SnpProductLine.Genoa]
        : [SnpProductLine.Turin];

    private async Task<Certificate> VcekAsync(SnpReport report, SnpProductLine product, CancellationToken cancellationToken)
    {
        string path = KdsPaths.Vcek(report, product);
        if (_vceks.TryGetValue(path, out Certificate? known))
        {
            return known;
        }

        Certificate vcek = await RequestAsync(() => _client.GetVcekAsync(report, product, cancellationToken));
        if (_vceks.Count >= MaxVceks)
        {
            _vceks.Clear();
        }

        _vceks[path] = vcek;
        return vcek;
    }

    private async Task<Authorities> AuthoritiesAsync(SnpProductLine product, SnpSigningKey key, CancellationToken cancellationToken)
    {
        DateTimeOffset now = _clock.GetUtcNow();
        if (_authorities.TryGetValue((product, key), out Authorities? known) && now - known.FetchedAt < AuthoritiesLast && now >= known.FetchedAt)
        {
            return known;
        }

        try
        {
            return _authorities[(product, key)] = new Authorities(
                await RequestAsync(() => _client.GetAuthoritiesAsync(product, key, cancellationToken)),
                await RequestAsync(() => _client.GetRevocationListAsync(product, key, cancellationToken)),
                now);
        }
        catch (CollateralException) when (known is not null)
        {
            return known; // a list that is overdue is refused by the verifier
        }
    }

    private async Task<T> RequestAsync<T>(Func<Task<T>> request)
    {
        using RateLimitLease permit = _requests.AttemptAcquire();
        return permit.IsAcquired
            ? await request()
            : throw new CollateralException("busy", "too many certificates were asked of AMD: try again later, or let the guest send its certificate table");
    }

    private sealed record Authorities(IReadOnlyList<Certificate> Certificates, RevocationList Revoked, DateTimeOffset FetchedAt);
}
