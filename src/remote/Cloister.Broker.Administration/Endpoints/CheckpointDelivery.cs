namespace Cloister.Broker.Administration.Endpoints;

/// <summary>How it is with checkpoints of the audit log at a place outside, or at a witness. secrets: none.</summary>
/// <param name="To">Which place.</param>
/// <param name="Size">Entries that the newest checkpoint covers that got there; 0: none did.</param>
/// <param name="At">When it got there; null: none did.</param>
/// <param name="Failures">Attempts that failed.</param>
public sealed record CheckpointDelivery(string To, long Size, DateTimeOffset? At, long Failures);
