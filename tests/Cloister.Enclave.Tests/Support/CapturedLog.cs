using System.Collections.Concurrent;
using Cloister.Enclave.Hosting;
using Microsoft.Extensions.Logging;

namespace Cloister.Enclave.Tests.Support;

/// <summary>Keeps every line that the enclave logs.</summary>
internal sealed class CapturedLog : ILogger
{
    private readonly ConcurrentQueue<string> _lines = new();

    internal CapturedLog()
    {
        Log = new EnclaveLog(this);
    }

    internal EnclaveLog Log { get; }

    internal IReadOnlyList<string> Lines => [.. _lines];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue($"{logLevel} {eventId.Id} {formatter(state, exception)} {exception}");
}
