using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Rows;
using Cloister.Broker.State.Sql;

namespace Cloister.Broker.State;

// Rows that decide who gets a KEK, and the chain of their changes. Leases, challenges, evidence and the audit log are not among them.
public sealed partial class SqlBrokerState
{
    private RowLedger? _rows;

    /// <inheritdoc/>
    /// <remarks>Null before <see cref="AuthenticateAsync"/>.</remarks>
    public RowHead? RowHead => _rows?.Head;

    /// <summary>How many rows were not authentic at the last <see cref="CheckRowsAsync"/>.</summary>
    public int RowsNotAuthentic { get; private set; }

    private RowLedger Rows => _rows
        ?? throw new BrokerStateException(BrokerStateError.NotAuthentic, "the key of the database's rows was not read yet: what decides cannot be read or changed");

    /// <summary>From now on reads and changes rows that decide, with this key. Before, it does neither.</summary>
    /// <param name="key">The database's key; this object's from then on.</param>
    /// <param name="outside">Keeps the newest change outside of the database; null: when the database went back, nobody notices it at a start.</param>
    /// <param name="report">Is told of each row that is not authentic, once.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.NotAuthentic"/>: the chain of changes is broken, absent, or shorter than it was.</exception>
    /// <exception cref="IOException">What is kept outside cannot be read.</exception>
    public async Task AuthenticateAsync(RowKey key, IRowHeadStore? outside, Action<string> report, CancellationToken cancellation)
    {
        var rows = new RowLedger(_reads, key, outside, report);
        try
        {
            await rows.OpenAsync(cancellation);
            _rows = rows;
        }
        catch
        {
            rows.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Task<RowHead> LookAsync(CancellationToken cancellation) => Rows.CurrentAsync(cancellation);

    /// <inheritdoc/>
    public async Task<int> CheckRowsAsync(CancellationToken cancellation)
    {
        while (true)
        {
            RowHead head = await Rows.CurrentAsync(cancellation);
            IReadOnlyList<RowDifference> wrong = Differences(Rows, await ReadRowsAsync(_reads, cancellation));
            if (wrong.Count > 0 && !ReferenceEquals(head, await Rows.CurrentAsync(cancellation)))
                continue;
            foreach (RowDifference one in wrong)
                Rows.NotAuthentic(one.Problem);
            if (wrong.Count > 0 && wrong.Count != RowsNotAuthentic)
                await AppendAsync(new AuditEvent("rows.not-authentic", new JsonObject { ["rows"] = Listed(wrong.Select(one => one.Problem)) }), cancellation);
            RowsNotAuthentic = wrong.Count;
            return wrong.Count;
        }
    }

    /// <summary>
    /// Begins the chain of changes: every row that decides is taken for what it is, once for a database, which is new or was a program's that did not
    /// authenticate rows. Of several brokers that try, one does it.
    /// </summary>
    /// <param name="key">The database's key.</param>
    /// <param name="mayHaveRows">Whether there may be any: not in a new database.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="BrokerStateException">Not authentic: there are rows.</exception>
    /// <returns>Whether this call did it; the rows are in the audit log then.</returns>
    public async Task<bool> AdoptRowsAsync(RowKey key, bool mayHaveRows, CancellationToken cancellation) => await WriteAsync(
        async writes =>
        {
            if (await writes.FirstOrDefaultAsync<long>("SELECT COUNT(*) FROM RowChanges") > 0)
                return null;
            IReadOnlyDictionary<RowName, byte[]> rows = await ReadRowsAsync(writes, CancellationToken.None);
            if (!mayHaveRows && rows.Count > 0)
                throw RowLedger.Broken("it has policies, KEKs, revocations or requests, but neither an authority nor changes in table RowChanges");
            await StartChainAsync(writes, key, rows);
            return rows;
        },
        rows => rows is not { Count: > 0 }
            ? null
            : new AuditEvent("rows.adopted", new JsonObject { ["rows"] = Listed(rows.Select(row => $"{row.Key}: {Convert.ToHexStringLower(row.Value)}")) }),
        cancellation) is not null;

    /// <summary>What an operator would accept now: how the database differs from what brokers left. Nothing is changed.</summary>
    /// <exception cref="IOException">What is kept outside cannot be read.</exception>
    public async Task<RowAcceptance> CompareRowsAsync(RowKey key, IRowHeadStore? outside, CancellationToken cancellation)
    {
        using RowLedger ledger = new(_reads, key, null, _ => { });
        return await CompareAsync(ledger, outside, _reads, cancellation);
    }

    /// <summary>Accepts exactly that difference: from now on, the rows are what they have to be. It is in the audit log.</summary>
    /// <param name="key">The database's key.</param>
    /// <param name="outside">Gets the newest change.</param>
    /// <param name="digest">Of the difference that was seen.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="BrokerStateException"><see cref="BrokerStateError.Refused"/>: it is another one by now.</exception>
    public async Task AcceptRowsAsync(RowKey key, IRowHeadStore? outside, string digest, CancellationToken cancellation)
    {
        await WriteAsync(
            async writes =>
            {
                using RowLedger ledger = new(_reads, key, null, _ => { });
                RowAcceptance asked = await CompareAsync(ledger, outside, writes, CancellationToken.None);
                if (asked.Digest != digest)
                    throw Refused("the database differs in another way by now: look again");
                IReadOnlyDictionary<RowName, byte[]> rows = await ReadRowsAsync(writes, CancellationToken.None);
                if (asked.ChainIsBroken)
                {
                    await writes.ExecuteAsync("DELETE FROM RowChanges");
                    await StartChainAsync(writes, key, rows);
                    return asked;
                }
                var changes = new RowWrites(writes, key, ledger, ledger.Head);
                foreach (RowDifference one in Differences(ledger, rows))
                    await (one.Digest is null ? changes.RemoveAsync(one.Name) : changes.SetAsync(one.Name, one.Digest));
                return asked;
            },
            asked => new AuditEvent("rows.accepted", new JsonObject { ["digest"] = asked.Digest, ["rows"] = Listed(asked.Lines) }),
            cancellation);
        using RowLedger accepted = new(_reads, key, null, _ => { });
        await accepted.OpenAsync(cancellation);
        outside?.Write(accepted.Head);
    }

    private static async Task<RowAcceptance> CompareAsync(RowLedger ledger, IRowHeadStore? outside, IQueries queries, CancellationToken cancellation)
    {
        List<string> lines = [];
        bool isBroken = false;
        try
        {
            await ledger.OpenAsync(cancellation);
        }
        catch (BrokerStateException e) when (e.Error == BrokerStateError.NotAuthentic)
        {
            isBroken = true;
            lines.Add("table RowChanges, the chain of changes, was changed: every row is listed, and nothing says which of them brokers made");
        }
        if (outside?.Read() is { } kept)
        {
            if (!(await queries.ListAsync<RowChange>($"SELECT {RowChange.Columns} FROM RowChanges WHERE Seq = @Seq", kept, cancellation)).Any(same => kept.Is(same.Seq, same.Mac)))
                lines.Add($"the database went back, or is another one: this broker has seen change {kept.Seq}");
        }
        lines.AddRange(Differences(isBroken ? null : ledger, await ReadRowsAsync(queries, cancellation))
            .Select(one => one.Problem + (one.Digest is null ? "" : $": {Convert.ToHexStringLower(one.Digest)}")).Order(StringComparer.Ordinal));
        return new RowAcceptance(lines, isBroken);
    }

    private static async Task StartChainAsync(WriteTransaction writes, RowKey key, IReadOnlyDictionary<RowName, byte[]> rows)
    {
        // One change more than there are rows: a chain that a broker made is never empty.
        RowWrites changes = new(writes, key, null, RowLedger.None);
        await changes.SetAsync(new RowName("RowChanges", "begin"), SHA256.HashData(Guid.NewGuid().ToByteArray()));
        foreach ((RowName name, byte[] digest) in rows)
            await changes.SetAsync(name, digest);
    }

    private static List<RowDifference> Differences(RowLedger? ledger, IReadOnlyDictionary<RowName, byte[]> rows)
    {
        List<RowDifference> differences = [];
        foreach ((RowName name, byte[] digest) in rows)
        {
            if (RowLedger.Problem(ledger?.DigestOf(name), digest) is { } problem)
                differences.Add(new RowDifference(name, digest, $"{name}, {problem}"));
        }
        foreach (string table in (string[])[RowName.Keks, RowName.Policies, RowName.PolicyVersions, RowName.Revocations, RowName.PendingActs, RowName.TcbFloors])
        {
            foreach (RowName name in (ledger?.Ids(table) ?? []).Select(id => new RowName(table, id)).Where(name => !rows.ContainsKey(name)))
                differences.Add(new RowDifference(name, null, $"{name}, was removed"));
        }
        return differences;
    }

    // Every row that decides, with the digest of what it is.
    private static async Task<IReadOnlyDictionary<RowName, byte[]>> ReadRowsAsync(IQueries queries, CancellationToken cancellation)
    {
        Dictionary<RowName, byte[]> rows = [];
        foreach (KekUnit kek in KekUnit.Of(await queries.ListAsync<KekRow>($"SELECT {KekRow.Columns} {KekRow.From} ORDER BY k.Name, v.Version", null, cancellation)))
            rows[new RowName(RowName.Keks, kek.First.Name)] = KekUnit.DigestOf(kek);
        foreach (PolicyRow policy in await queries.ListAsync<PolicyRow>($"SELECT {PolicyColumns} FROM Policies ORDER BY Name, Version", null, cancellation))
        {
            rows[policy.VersionName] = policy.DigestAs(policy.VersionName);
            rows[PolicyRow.NameOf(policy.Name)] = policy.DigestAs(PolicyRow.NameOf(policy.Name)); // of the last, which is in force
        }
        foreach (RevocationRow revocation in await queries.ListAsync<RevocationRow>($"SELECT {RevocationColumns} FROM Revocations", null, cancellation))
            rows[new RowName(RowName.Revocations, revocation.Id)] = RevocationRow.DigestOf(revocation);
        foreach (RequestRow request in await queries.ListAsync<RequestRow>($"SELECT {RequestColumns} FROM PendingActs", null, cancellation))
            rows[new RowName(RowName.PendingActs, request.Id)] = RequestRow.DigestOf(request);
        foreach (TcbFloorRow floor in await queries.ListAsync<TcbFloorRow>($"SELECT {TcbFloorColumns} FROM TcbFloors", null, cancellation))
            rows[floor.Name] = TcbFloorRow.DigestOf(floor);
        return rows;
    }

    // Nothing that decides was changed since a decision.
    private static void RequireNewest(WriteTransaction writes, RowHead decided)
    {
        if (!decided.Is(writes.NewestChange.Seq, writes.NewestChange.Mac))
            throw new BrokerStateException(BrokerStateError.Changed, "what decides was changed meanwhile: decide again");
    }

    // What is changed in a transaction; begun with the newest change that was committed.
    private async Task<RowWrites> RowsOf(WriteTransaction writes) => writes.Rows ??= new RowWrites(writes, Rows.Key, Rows, await Rows.CurrentAsync(CancellationToken.None));

    // An audit entry is for people: the first thousand, and how many there are.
    private static JsonArray Listed(IEnumerable<string> lines)
    {
        string[] all = [.. lines];
        return new JsonArray([.. all.Take(1000).Append($"{all.Length} in all").Select(line => (JsonNode)line)]);
    }

    private sealed record RowDifference(RowName Name, byte[]? Digest, string Problem);
}

/// <summary>How a database differs from what brokers left. secrets: none.</summary>
/// <param name="Lines">What is different, a line each; none: nothing is.</param>
/// <param name="ChainIsBroken">Whether the chain of changes itself is.</param>
public sealed record RowAcceptance(IReadOnlyList<string> Lines, bool ChainIsBroken)
{
    /// <summary>SHA-256 of the lines, hex: what an operator accepts.</summary>
    public string Digest => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', Lines))));
}
