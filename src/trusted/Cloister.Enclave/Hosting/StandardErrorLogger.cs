using Microsoft.Extensions.Logging;

namespace Cloister.Enclave.Hosting;

/// <summary>Writes one line a message to standard error: level, number, text. The supervisor adds the time, which here belongs to the host. secrets: none.</summary>
internal sealed class StandardErrorLogger : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        string text = formatter(state, null).ReplaceLineEndings(" ");
        Console.Error.WriteLine($"{logLevel.ToString().ToUpperInvariant()} {eventId.Id} {text}");
    }
}
