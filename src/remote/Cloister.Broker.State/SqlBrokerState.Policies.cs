using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Policies;

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
                PolicyRow? last = await writes.FirstOrDefaultAsync<PolicyRow>(
                    $"SELECT {PolicyColumns} FROM Policies WHERE Name = @name ORDER BY Version DESC LIMIT 1", new { name });
                if (last?.Digest == digest)
                    return new PolicyChange(last.ToRecord(), last.ToRecord());
                var next = new PolicyRow { Name = name, Version = (last?.Version ?? 0) + 1, Yaml = yaml, Digest = digest, UpdatedAt = writes.Now, UpdatedBy = by };
                await writes.ExecuteAsync($"INSERT INTO Policies ({PolicyColumns}) VALUES (@Name, @Version, @Yaml, @Digest, @UpdatedAt, @UpdatedBy)", next);
                return new PolicyChange(last?.ToRecord(), next.ToRecord());
            },
            log,
            cancellation)).After;
    }

    /// <inheritdoc/>
    public async Task<PolicyRecord?> FindPolicyAsync(string name, CancellationToken cancellation) =>
        (await _reads.FirstOrDefaultAsync<PolicyRow>(
            $"SELECT {PolicyColumns} FROM Policies WHERE Name = @name ORDER BY Version DESC LIMIT 1", new { name }, cancellation))?.ToRecord();

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PolicyRecord>> ListPolicyVersionsAsync(string name, CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<PolicyRow>(
            $"SELECT {PolicyColumns} FROM Policies WHERE Name = @name ORDER BY Version", new { name }, cancellation)).Select(row => row.ToRecord())];

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PolicyRecord>> ListPoliciesAsync(CancellationToken cancellation) =>
        [.. (await _reads.ListAsync<PolicyRow>(
            $"SELECT {PolicyColumns} FROM Policies p WHERE Version = (SELECT MAX(q.Version) FROM Policies q WHERE q.Name = p.Name) ORDER BY Name",
            null,
            cancellation)).Select(row => row.ToRecord())];

    private sealed class PolicyRow
    {
        public string Name { get; set; } = "";

        public long Version { get; set; }

        public string Yaml { get; set; } = "";

        public string Digest { get; set; } = "";

        public long UpdatedAt { get; set; }

        public string UpdatedBy { get; set; } = "";

        public PolicyRecord ToRecord() => new(Name, checked((int)Version), Yaml, Digest, Time(UpdatedAt), UpdatedBy);
    }
}
