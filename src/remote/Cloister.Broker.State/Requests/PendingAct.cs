namespace Cloister.Broker.State.Requests;

/// <summary>An act that waits for a second administrator. secrets: none.</summary>
/// <param name="Id">32 hex digits.</param>
/// <param name="Act">What it is.</param>
/// <param name="Parameters">With what, JSON; compared as text.</param>
/// <param name="By">Who asked.</param>
/// <param name="At">When; whole milliseconds.</param>
/// <param name="ExpiresAt">Until when it can be approved.</param>
public sealed record PendingAct(string Id, string Act, string Parameters, string By, DateTimeOffset At, DateTimeOffset ExpiresAt);
