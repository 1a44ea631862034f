using System.Collections.Concurrent;
using Cloister.Broker.Host.Hosting;
using Cloister.Broker.Policies;
using Cloister.Broker.State.Policies;

namespace Cloister.Broker.Host.Serving;

/// <summary>The policies in force; each text is read once. One that trusts roots which this broker's configuration does not allow is not. Thread-safe.</summary>
internal sealed class PolicyBook(IPolicyRegistry registry, OtherRoots otherRoots, BrokerLog log)
{
    // Texts that are in force no more are dropped when there are this many.
    private const int MaxTexts = 1024;

    private readonly ConcurrentDictionary<string, PolicyInForce?> _read = new(StringComparer.Ordinal);

    /// <summary>The policy of that name.</summary>
    /// <exception cref="ProtocolException">There is none, or its text is no policy.</exception>
    public async Task<PolicyInForce> FindAsync(string name, CancellationToken cancellation) =>
        await registry.FindPolicyAsync(name, cancellation) is { } record && Read(record) is { } policy
            ? policy
            : throw new ProtocolException(ProtocolError.AttestationError, "policy: the policy of this KEK is not there, cannot be read, or trusts roots that this broker does not allow (its log says which): an operator has to set it");

    /// <summary>All, by name.</summary>
    public async Task<IReadOnlyList<PolicyInForce>> ListAsync(CancellationToken cancellation) =>
        [.. (await registry.ListPoliciesAsync(cancellation)).Select(Read).OfType<PolicyInForce>()];

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
}
