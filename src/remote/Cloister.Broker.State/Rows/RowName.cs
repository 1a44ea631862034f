namespace Cloister.Broker.State.Rows;

/// <summary>A row that decides, by the table and the identity that its digest is bound to.</summary>
/// <param name="Table">One of the constants.</param>
/// <param name="Id">Unique in it.</param>
internal readonly record struct RowName(string Table, string Id)
{
    /// <summary>A KEK with all its versions.</summary>
    public const string Keks = "Keks";

    /// <summary>The version in force of a policy.</summary>
    public const string Policies = "Policies";

    /// <summary>Every version of a policy: <c>name@version</c>.</summary>
    public const string PolicyVersions = "Policies@";

    /// <summary>A revocation: <c>kind/value</c>.</summary>
    public const string Revocations = "Revocations";

    /// <summary>An act that waits for a second administrator.</summary>
    public const string PendingActs = "PendingActs";

    /// <summary>A floor of collateral.</summary>
    public const string TcbFloors = "TcbFloors";

    /// <inheritdoc/>
    public override string ToString() => $"table {Table.TrimEnd('@')}, row {Id}";
}
