using Cloister.Contracts.Logs;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Cloister.Broker.Host.Hosting;

/// <summary>One line a message: time, level, number, text; or the same as a JSON object (<see cref="LogForm"/>). secrets: none.</summary>
internal sealed class LogLineFormatter(bool json, TimeProvider time) : ConsoleFormatter(json ? Json : Text)
{
    /// <summary>Name of the form for people.</summary>
    internal const string Text = "cloister-text";

    /// <summary>Name of the form for programs.</summary>
    internal const string Json = "cloister-json";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        string message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        string text = logEntry.Exception is null ? message : $"{message} {logEntry.Exception}";
        textWriter.WriteLine(LogForm.Line(json, time.GetUtcNow(), logEntry.LogLevel.ToString().ToUpperInvariant(), logEntry.EventId.Id, text));
    }
}
