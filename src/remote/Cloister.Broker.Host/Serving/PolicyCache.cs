using System.Collections.Concurrent;
using System.Threading.RateLimiting;
using Cloister.Attestation.Certificates;
using Cloister.Broker.Challenges;
using Cloister.Broker.Host.Hosting;
using Cloister.Broker.Policies;
using Cloister.Broker.State.Policies;
using Cloister.Broker.State.Rows;

namespace Cloister.Broker.Host.Serving;

/// <summary>The policies in force; each text is read once. One that trusts roots which this broker's configuration does not allow is not. Thread-safe.</summary>
internal sealed class PolicyCache(IPolicyRegistry registry, OtherRoots otherRoots, ChallengeSealer sealer, TimeProvider clock, BrokerLog log) : IDisposable
{
    // Texts that are in force no more are dropped when there are this many.
    private const int MaxTexts = 1024;
    private static readonly TimeSpan ListingLasts = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, PolicyInForce?> _read = new(StringComparer.Ordinal);
    private readonly TokenBucketRateLimiter _looks = new(new TokenBucketRateLimiterOptions
    {
        TokenLimit = 50, TokensPerPeriod = 10, ReplenishmentPeriod = TimeSpan.FromSeconds(1), QueueLimit = 0,
    });

    private Listed _listed = new([], [], new TrustedRoots([], ""), DateTimeOffset.MinValue);

    /// <summary>The policy of that name.</summary>
    /// <exception cref="ProtocolException">There is none, or its text is no policy.</exception>
    public async Task<PolicyInForce> FindAsync(string name, CancellationToken cancellation) =>
        await TryFindAsync(name, cancellation) ?? throw Missing();

    /// <summary>The policy of that name; null when there is none, or its text is no policy.</summary>
    public async Task<PolicyInForce?> TryFindAsync(string name, CancellationToken cancellation, RowHead? asOf = null) =>
        await registry.FindPolicyAsync(name, cancellation, asOf) is { } record ? Read(record) : null;

    /// <summary>What a party that some policy accepts is told of a policy that is not there.</summary>
    public static ProtocolException Missing() =>
        new(ProtocolError.AttestationError, "policy: the policy of this KEK is not there, cannot be read, or trusts roots that this broker does not allow (its log says which): an operator has to set it");

    /// <summary>All, by name.</summary>
    public async Task<IReadOnlyList<PolicyInForce>> ListAsync(CancellationToken cancellation)
    {
        (string Name, PolicyInForce? Policy)[] read = [.. (await registry.ListPoliciesAsync(cancellation)).Select(record => (record.Name, Read(record)))];
        (string Name, PolicyInForce Policy)[] inForce = [.. read.Where(one => one.Policy is not null).Select(one => (one.Name, one.Policy!))];
        PolicyInForce[] policies = [.. inForce.Select(one => one.Policy)];
        Certificate[] roots = [.. policies.SelectMany(policy => policy.Policy.Roots).DistinctBy(DigestOf)];
        Volatile.Write(ref _listed, new Listed([.. inForce.Select(one => one.Name)], policies, new TrustedRoots(roots, string.Join(' ', roots.Select(DigestOf))), clock.GetUtcNow()));
        return policies;
    }

    /// <summary>All, or those of a moment ago: strangers make a broker list policies at most ten times a second.</summary>
    public async Task<IReadOnlyList<PolicyInForce>> RecentAsync(CancellationToken cancellation)
    {
        using RateLimitLease permit = _looks.AttemptAcquire();
        return permit.IsAcquired ? await ListAsync(cancellation) : Volatile.Read(ref _listed).Policies;
    }

    /// <summary>Roots besides the vendors' that some policy trusted when policies were last listed. Which policy does is asked when it appraises.</summary>
    public TrustedRoots Roots => Volatile.Read(ref _listed).Roots;

    /// <summary>Other roots than those that evidence was refused under; or null. Lists policies at most ten times a second, whoever sends roots of his own.</summary>
    public async Task<TrustedRoots?> RootsBesidesAsync(TrustedRoots known, CancellationToken cancellation)
    {
        if (Roots.Digests == known.Digests)
        {
            using RateLimitLease permit = _looks.AttemptAcquire();
            if (permit.IsAcquired)
            {
                await ListAsync(cancellation);
            }
        }

        return Roots.Digests == known.Digests ? null : Roots;
    }

    /// <summary>
    /// What judges evidence for a KEK that is not there: some policy, always the same for a name, so that who is accepted by none learns no names. Null: there
    /// is no policy at all.
    /// </summary>
    public async Task<PolicyInForce?> StandInAsync(string cluster, string kek, CancellationToken cancellation)
    {
        if (clock.GetUtcNow() - Volatile.Read(ref _listed).At >= ListingLasts)
        {
            await ListAsync(cancellation);
        }

        IReadOnlyList<string> names = Volatile.Read(ref _listed).Names;
        return names.Count == 0 ? null : await TryFindAsync(names[sealer.Pick($"{cluster}/{kek}", names.Count)], cancellation);
    }

    /// <inheritdoc />
    public void Dispose() => _looks.Dispose();

    private PolicyInForce? Read(PolicyRecord record)
    {
        if (_read.Count >= MaxTexts)
        {
            _read.Clear();
        }

        return _read.GetOrAdd($"{record.Name}@{record.Digest}", (id, text) =>
        {
            if (ReleasePolicyReader.Read(text).Policy is not { } policy)
            {
                return null;
            }

            if (otherRoots.Refusal(policy.Roots) is { } refusal)
            {
                log.RootsNotAllowed(record.Name, refusal);
                return null;
            }

            if (OtherRoots.In(policy.Roots).Count > 0)
            {
                log.OwnRoots(record.Name);
            }

            return new PolicyInForce(id, policy);
        }, record.Yaml);
    }

    private static string DigestOf(Certificate root) => Convert.ToHexStringLower(root.Sha256.Span);

    /// <summary>Roots, and their digests to compare by.</summary>
    internal sealed record TrustedRoots(IReadOnlyList<Certificate> Certificates, string Digests);

    private sealed record Listed(IReadOnlyList<string> Names, IReadOnlyList<PolicyInForce> Policies, TrustedRoots Roots, DateTimeOffset At);
}
