namespace Cloister.Cli.Doctor.Checks;

/// <summary>What has to be equal on all nodes: sockets that were named, and nodes whose answers are in files.</summary>
internal static class ClusterChecks
{
    private const string Document = "docs/operations.md";

    internal static IReadOnlyList<Check> All { get; } =
    [
        new("cluster-key-id", DoctorPhase.Cluster, "all nodes encrypt by one key_id", Document, KeyIdsAsync),
        new("cluster-config-digest", DoctorPhase.Cluster, "all nodes have one configuration", Document, DigestsAsync),
    ];

    private static async Task<IEnumerable<Finding>> KeyIdsAsync(DoctorScope scope, CancellationToken cancellation)
    {
        (string Where, string KeyId)[] all =
        [
            .. (await scope.KmsAsync()).Where(kms => kms.Status is { KeyId.Length: > 0 }).Select(kms => (kms.Socket, kms.Status!.KeyId)),
            .. Others(scope).SelectMany(node => node.KeyIds.Select(id => (node.Name, id))),
        ];
        if (all.Length < 2)
        {
            throw new SkippedException("one key_id only: --node FILE with what 'cloister doctor -o json' prints on the other nodes, or more than one --socket");
        }

        string target = string.Join(", ", all.Select(one => one.Where));
        return
        [
            all.DistinctBy(one => one.KeyId).Count() == 1
                ? Finding.Ok(target, $"equal: {all[0].KeyId}")
                : Finding.Error(target, string.Join("; ", all.Select(one => $"{one.Where}: {one.KeyId}")),
                    "give every enclave the same KEK version, or let all lease from one broker; during a rotation this ends within a minute", "cloister kek import --expect-key-id KEY-ID"),
        ];
    }

    private static Task<IEnumerable<Finding>> DigestsAsync(DoctorScope scope, CancellationToken cancellation)
    {
        (string Where, string Digest)[] all = [("this node", ConfigurationChecks.Digest(scope)), .. Others(scope).Where(node => node.ConfigurationDigest.Length > 0).Select(node => (node.Name, node.ConfigurationDigest))];
        if (all.Length < 2)
        {
            throw new SkippedException("one configuration only: --node FILE with what 'cloister doctor -o json' prints on the other nodes");
        }

        bool equal = all.DistinctBy(one => one.Digest).Count() == 1;
        return Task.FromResult<IEnumerable<Finding>>(
        [
            Finding.ErrorUnless(
                equal, string.Join(", ", all.Select(one => one.Where)), equal ? $"equal: {all[0].Digest}" : string.Join("; ", all.Select(one => $"{one.Where}: {one.Digest}")),
                "copy one file to all, byte by byte: another digest is another measurement", $"sha384sum {scope.ConfigurationPath}"),
        ]);
    }

    private static IEnumerable<NodeFacts> Others(DoctorScope scope) =>
        scope.Settings.Nodes.Select(file => NodeFacts.Read(file, scope.Host.Text(file) ?? throw new FileNotFoundException($"{file} is not there")));
}
