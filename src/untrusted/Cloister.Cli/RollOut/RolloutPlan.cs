using System.Collections.Immutable;

namespace Cloister.Cli.RollOut;

/// <summary>
/// One step of a roll-out, forward or back. Two API servers may be one phase apart and never two: in <c>none</c> what <c>writers</c> or a gateway encrypts is not read, in
/// <c>sealed</c> what <c>readers</c> writes is not. So forward, those that are least far go one phase on; back, those that are furthest go one phase back.
/// </summary>
/// <param name="From">The phase that those of the step have; null when there is no step.</param>
/// <param name="Target">The phase of the step; null when there is no step left in this direction.</param>
/// <param name="Servers">Those that it concerns, one after the other.</param>
/// <param name="Refusals">Why it must not be done now; empty when it may.</param>
internal sealed record RolloutPlan(Phase? From, Phase? Target, IReadOnlyList<string> Servers, IReadOnlyList<string> Refusals)
{
    /// <summary>Whether the step is another EncryptionConfiguration and nothing else; if not, flags of API servers change.</summary>
    internal bool IsFile => Target is Phase.Readers or Phase.Writers or Phase.Sealed && From is not Phase.Gateway;

    /// <summary>API servers encrypt through their plugins.</summary>
    internal static readonly ImmutableArray<Phase> ToPlugin = [Phase.None, Phase.Readers, Phase.Writers, Phase.Sealed];

    /// <summary>A gateway encrypts what API servers write. It is sealed by its own configuration.</summary>
    internal static readonly ImmutableArray<Phase> ToGateway = [Phase.None, Phase.Readers, Phase.Gateway];

    /// <summary>Plans the step.</summary>
    /// <param name="way">The phases, in order.</param>
    /// <param name="servers">All API servers of the cluster.</param>
    /// <param name="back">Towards <c>none</c>.</param>
    /// <param name="identities">Hashes of the identities that the cluster knows API servers by; null when the operator vouches for the list.</param>
    internal static RolloutPlan For(ImmutableArray<Phase> way, IReadOnlyList<ApiServerView> servers, bool back, IReadOnlyList<string>? identities)
    {
        List<string> refusals = [];

        // Unknown is no phase. What is merely not ready does not keep anybody from going back.
        refusals.AddRange(servers.Where(server => server.Phase is null || (!back && server.Problem.Length > 0)).Select(server => $"{server.Name}: {server.Problem}"));
        foreach (IGrouping<string, ApiServerView> same in servers.Where(server => server.Started.Length > 0).GroupBy(server => server.Id + server.Started).Where(group => group.Count() > 1))
        {
            refusals.Add($"{string.Join(", ", same.Select(server => server.Name))}: the same API server answers: give each one's own address, not a load balancer's");
        }

        if (identities is not null && identities.Count > servers.Count)
        {
            refusals.Add($"the cluster has leases of {identities.Count} API servers and {servers.Count} are named: name every one with --api-server; the lease of one that was removed goes an hour later");
        }

        if (identities is not null)
        {
            refusals.AddRange(servers.Where(server => server.Id.Length > 0 && !identities.Contains(server.Id)).Select(server => $"{server.Name}: the cluster of --kubeconfig has no lease of it: it is another cluster's"));
        }

        string[] keyIds = [.. servers.Select(server => server.KeyIdHash).Where(hash => hash.Length > 0).Distinct()];
        if (!back && keyIds.Length > 1)
        {
            refusals.Add($"their plugins give different key_ids: {string.Join(", ", servers.Select(server => $"{server.Name} {server.KeyIdHash}"))}: an API server asks once a minute; give every enclave the same KEK version");
        }

        refusals.AddRange(servers.Where(server => server.Phase is { } phase && !way.Contains(phase))
            .Select(server => $"{server.Name}: phase {PhaseFiles.NameOf(server.Phase!.Value)} is not on the way to a gateway: 'cloister rollout abort' without --gateway goes back to readers"));
        int[] places = [.. servers.Select(server => server.Phase is { } phase ? way.IndexOf(phase) : -1)];
        if (places.Contains(-1))
        {
            return new RolloutPlan(null, null, [], refusals);
        }

        int from = back ? places.Max() : places.Min();
        int to = back ? from - 1 : from + 1;
        return to < 0 || to == way.Length ? new RolloutPlan(null, null, [], refusals) : new RolloutPlan(way[from], way[to], [.. servers.Where(server => server.Phase == way[from]).Select(server => server.Name)], refusals);
    }
}
