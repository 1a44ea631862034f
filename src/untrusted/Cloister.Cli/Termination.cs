using System.Runtime.InteropServices;

namespace Cloister.Cli;

/// <summary>
/// SIGTERM and SIGINT of this process, as a token that verbs stop at. Not the command line library's: that ends a verb at once, half done,
/// when the signal comes before the verb waits for the first time.
/// </summary>
internal sealed class Termination : IDisposable
{
    // What a verb has to stop in order: a little less than the 5 s that users are promised.
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(4.5);
    private static readonly CancellationTokenSource Stop = new();

    private readonly TaskCompletionSource<int> _overdue = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;

    internal Termination()
    {
        _registrations = [PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal), PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal)];
    }

    /// <summary>Runs a verb, whose token the signal cancels.</summary>
    /// <returns>Its exit code; the shell's for a signal when it did not stop in time.</returns>
    internal async Task<int> RunAsync(Func<CancellationToken, Task<int>> verb) => await await Task.WhenAny(verb(Stop.Token), _overdue.Task);

    public void Dispose() => Array.ForEach(_registrations, registration => registration.Dispose());

    private void OnSignal(PosixSignalContext context)
    {
        const int SigTerm = 143;
        const int SigInt = 130;
        context.Cancel = true;
        int code = context.Signal == PosixSignal.SIGTERM ? SigTerm : SigInt;
        _ = Stop.CancelAsync();
        _ = Task.Delay(StopTime).ContinueWith(_ => _overdue.TrySetResult(code), TaskScheduler.Default);
    }
}
