using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Policies;
using Cloister.Broker.State.Rows;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State;

public sealed partial class SqlBrokerState
{
    private const string PolicyColumns = "Name, Version, Yaml, Digest, UpdatedAt, UpdatedBy";

    /// <inheritdoc/>
    public async Task<PolicyRecord> SetPolicyAsync(string name, string yaml, string by, CancellationToken cancellation, Func<PolicyChange, AuditEvent>? log = null)
    {
        string digest = PolicyRecord.DigestOf(yaml);
        return (await WriteAsync(
            async writes =>
            {
                PolicyRow? last = await LoadPolicyAsync(writes, name);
                if (last?.Digest == digest)
                    return new PolicyChange(last.ToRecord(), last.ToRecord());
                var next = new PolicyRow { Name = name, Version = (last?.Version ?? 0) + 1, Yaml = yaml, Digest = digest, UpdatedAt = writes.Now, UpdatedBy = by };
                await writes.ExecuteAsync($"INSERT INTO Policies ({PolicyColumns}) VALUES (@Name, @Version, @Yaml, @Digest, @UpdatedAt, @UpdatedBy)", next);
                RowWrites rows = await RowsOf(writes);
                await rows.SetAsync(next.VersionName, next.DigestAs(next.VersionName));
                await rows.SetAsync(PolicyRow.NameOf(name), next.DigestAs(PolicyRow.NameOf(name)));
                return new PolicyChange(last?.ToRecord(), next.ToRecord());
            },
            log,
            cancellation)).After;
    }

    /// <inheritdoc/>
    public async Task<PolicyRecord?> FindPolicyAsync(string name, CancellationToken cancellation, RowHead? asOf = null) =>
        (await Rows.FindAsync(
            PolicyRow.NameOf(name), () => _reads.FirstOrDefaultAsync<PolicyRow>(SelectPolicy, new { name }, cancellation), row => row.DigestAs(PolicyRow.NameOf(row.Name)), cancellation, asOf))
            ?.ToRecord();

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PolicyRecord>> ListPolicyVersionsAsync(string name, CancellationToken cancellation) =>
        [.. (await Rows.ListAsync(
            RowName.PolicyVersions,
            () => _reads.ListAsync<PolicyRow>($"SELECT {PolicyColumns} FROM Policies WHERE Name = @name ORDER BY Version", new { name }, cancellation),
            row => row.VersionName.Id,
            row => row.DigestAs(row.VersionName),
            id => id[..id.LastIndexOf('@')] == name,
            cancellation)).Select(row => row.ToRecord())];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PolicyRecord>> ListPoliciesAsync(CancellationToken cancellation) =>
        [.. (await Rows.ListAsync(
            RowName.Policies,
            () => _reads.ListAsync<PolicyRow>(
                $"SELECT {PolicyColumns} FROM Policies p WHERE Version = (SELECT MAX(q.Version) FROM Policies q WHERE q.Name = p.Name) ORDER BY Name", null, cancellation),
            row => row.Name,
            row => row.DigestAs(PolicyRow.NameOf(row.Name)),
            _ => true,
            cancellation)).Select(row => row.ToRecord())];

    private const string SelectPolicy = $"SELECT {PolicyColumns} FROM Policies WHERE Name = @name ORDER BY Version DESC LIMIT 1";

    private async Task<PolicyRow?> LoadPolicyAsync(WriteTransaction writes, string name)
    {
        PolicyRow? row = await writes.FirstOrDefaultAsync<PolicyRow>(SelectPolicy, new { name });
        (await RowsOf(writes)).Require(PolicyRow.NameOf(name), row?.DigestAs(PolicyRow.NameOf(name)));
        return row;
    }

    private async Task<string> PolicyDigestAsync(WriteTransaction writes, string name) => (await LoadPolicyAsync(writes, name))?.Digest ?? "";

    private sealed class PolicyRow
    {
        public string Name { get; set; } = "";

        public long Version { get; set; }

        public string Yaml { get; set; } = "";

        public string Digest { get; set; } = "";

        public long UpdatedAt { get; set; }

        public string UpdatedBy { get; set; } = "";

        public RowName VersionName => new(RowName.PolicyVersions, $"{Name}@{Version}");

        public static RowName NameOf(string policy) => new(RowName.Policies, policy);

        public byte[] DigestAs(RowName name) => new RowDigest(name)
            .Add("Version", Version).Add("Yaml", Yaml).Add("Digest", Digest).Add("UpdatedAt", UpdatedAt).Add("UpdatedBy", UpdatedBy).Finish();

        public PolicyRecord ToRecord() => new(Name, checked((int)Version), Yaml, Digest, Time(UpdatedAt), UpdatedBy);
    }
}
