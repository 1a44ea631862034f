namespace Cloister.Storm;

/// <summary>A process that the storm may kill.</summary>
/// <param name="Name">For people.</param>
/// <param name="KillAsync">SIGKILL.</param>
/// <param name="StartAsync">Starts it again on what it left.</param>
internal sealed record Victim(string Name, Func<Task> KillAsync, Func<Task> StartAsync);
