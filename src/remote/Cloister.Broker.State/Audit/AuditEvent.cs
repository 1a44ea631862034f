using System.Text.Json.Nodes;

namespace Cloister.Broker.State.Audit;

/// <summary>Something to be put in the audit log. secrets: none, ever; the log is exported and read by many.</summary>
/// <param name="Kind">What happened: 1 to 64 of <c>a-z 0-9 . -</c>.</param>
/// <param name="Details">Names, digests, results. Never keys, tokens, evidence or plaintext.</param>
public sealed record AuditEvent(string Kind, JsonObject Details);
