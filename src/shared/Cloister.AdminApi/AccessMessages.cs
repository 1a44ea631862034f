using System.Text.Json.Serialization;

namespace Cloister.AdminApi;

/// <summary>Who the caller is, and which broker answers.</summary>
/// <param name="Name">The administrator's name in the broker's configuration.</param>
/// <param name="Roles">auditor, operator, keyCustodian.</param>
/// <param name="Authority">The broker's authority, 32 hex.</param>
/// <param name="Pin">What enclaves pin of it.</param>
/// <param name="TwoPersons">Acts that take two administrators.</param>
public sealed record WhoAmI(string Name, IReadOnlyList<string> Roles, string Authority, string Pin, IReadOnlyList<string> TwoPersons)
{
    /// <summary>Acts that could take two, and that one administrator does alone at this broker; empty from a broker that does not say.</summary>
    public IReadOnlyList<string> OnePerson { get; init; } = [];
}

/// <summary>The authority's certificate: what an API server trusts whose gateway has its serving certificate from the broker.</summary>
/// <param name="Certificate">PEM.</param>
public sealed record AuthorityCertificate(string Certificate);

/// <summary>An act that waits for a second administrator, who repeats it with <c>approve</c> set to the id.</summary>
/// <param name="Id">32 hex.</param>
/// <param name="Act">What it is, such as destroy or setPolicy.</param>
/// <param name="Parameters">What it is to do, JSON.</param>
/// <param name="By">Who asked.</param>
/// <param name="At">When.</param>
/// <param name="ExpiresAt">Until when it can be approved.</param>
public sealed record PendingRequest(string Id, string Act, string Parameters, string By, DateTimeOffset At, DateTimeOffset ExpiresAt)
{
    /// <summary>SHA-256 of act and parameters, hex: what the two compare. Empty from a broker that does not say.</summary>
    public string Digest { get; init; } = "";
}

/// <summary>The body of an act that has no other: enable, cancel-destroy.</summary>
/// <param name="Approve">The pending request that this approves; null: none.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ApprovalRequest(string? Approve = null);

/// <summary>Every request that waits.</summary>
public sealed record PendingRequestList(IReadOnlyList<PendingRequest> Requests);
