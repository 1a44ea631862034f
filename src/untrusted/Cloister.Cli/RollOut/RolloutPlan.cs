namespace Cloister.Cli.RollOut;

/// <summary>
/// One step of a roll-out, forward or back. Two API servers may be one phase apart and never two: in <c>none</c> what <c>writers</c> encrypts is not read, in
/// <c>sealed</c> what <c>readers</c> writes is not. So forward, those that are least far go one phase on; back, those that are furthest go one phase back.
/// </summary>
/// <param name="Target">The phase of the step; null when there is no step left in this direction.</param>
/// <param name="Servers">Those that it concerns, one after the other.</param>
/// <param name="Refusals">Why it must not be done now; empty when it may.</param>
internal sealed record RolloutPlan(Phase? Target, IReadOnlyList<string> Servers, IReadOnlyList<string> Refusals)
{
    /// <summary>Plans the step.</summary>
    /// <param name="servers">All API servers of the cluster.</param>
    /// <param name="back">Towards <c>none</c>.</param>
    /// <param name="identities">Hashes of the identities that the cluster knows API servers by; null when the operator vouches for the list.</param>
    internal static RolloutPlan For(IReadOnlyList<ApiServerView> servers, bool back, IReadOnlyList<string>? identities)
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

        if (servers.Any(server => server.Phase is null))
        {
            return new RolloutPlan(null, [], refusals);
        }

        Phase from = back ? servers.Max(server => server.Phase!.Value) : servers.Min(server => server.Phase!.Value);
        Phase? target = back ? (from == Phase.None ? null : from - 1) : (from == Phase.Sealed ? null : from + 1);
        return new RolloutPlan(target, target is null ? [] : [.. servers.Where(server => server.Phase == from).Select(server => server.Name)], refusals);
    }
}
