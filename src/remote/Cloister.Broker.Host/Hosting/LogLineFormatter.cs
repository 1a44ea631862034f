using System.Globalization;
using System.Text.Encodings.Web;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Cloister.Broker.Host.Hosting;

/// <summary>One line a message: time, level, number, text, as docs/operations.md has it for all programs; or the same as a JSON object. secrets: none.</summary>
internal sealed class LogLineFormatter(bool json, TimeProvider time) : ConsoleFormatter(json ? Json : Text)
{
    /// <summary>Name of the form for people.</summary>
    internal const string Text = "cloister-text";

    /// <summary>Name of the form for programs.</summary>
    internal const string Json = "cloister-json";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        string at = time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        string level = logEntry.LogLevel.ToString().ToUpperInvariant();
        string message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        string line = (logEntry.Exception is null ? message : $"{message} {logEntry.Exception}").ReplaceLineEndings(" ");
        textWriter.WriteLine(json
            ? $"{{\"time\":\"{at}\",\"level\":\"{level}\",\"id\":{logEntry.EventId.Id},\"message\":\"{JavaScriptEncoder.Default.Encode(line)}\"}}"
            : $"{at} {level} {logEntry.EventId.Id} {line}");
    }
}
