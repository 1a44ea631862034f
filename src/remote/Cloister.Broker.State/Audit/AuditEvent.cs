using System.Text.Json.Nodes;

namespace Cloister.Broker.State.Audit;

/// <summary>Something to be put in the audit log. secrets: none, ever; the log is exported and read by many.</summary>
/// <param name="Kind">What happened: 1 to 64 of <c>a-z 0-9 . -</c>.</param>
/// <param name="Details">Names, digests, results. Never keys, tokens, evidence or plaintext.</param>
public sealed record AuditEvent(string Kind, JsonObject Details)
{
    /// <summary>The approval that what happened was done with; null: it took none. It is used up in the transaction of this entry, or neither is made.</summary>
    public UsedApproval? Approval { get; init; }
}

/// <summary>An approved request that an act uses up.</summary>
/// <param name="Request">The request's id.</param>
/// <param name="Entry">What the log says of the approval, before the act.</param>
public sealed record UsedApproval(string Request, AuditEvent Entry);
