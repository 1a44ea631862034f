using System.Globalization;
using System.Text.Encodings.Web;

namespace Cloister.Contracts.Logs;

/// <summary>The one form of a log line, of every program (docs/operations.md, "Terminal and logs"). secrets: none.</summary>
public static class LogForm
{
    /// <summary>A line, without its end.</summary>
    /// <param name="json">An object with <c>time</c>, <c>level</c>, <c>id</c> and <c>message</c> in place of text.</param>
    /// <param name="at">When, shown in UTC to the millisecond.</param>
    /// <param name="level">A word, in capitals.</param>
    /// <param name="id">The number of its kind.</param>
    /// <param name="text">What happened. Ends of lines become spaces; what would steer a terminal, U+FFFD in text and an escape in JSON.</param>
    public static string Line(bool json, DateTimeOffset at, string level, int id, string text)
    {
        string time = at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        string line = text.ReplaceLineEndings(" ");
        return json ? $"{{\"time\":\"{time}\",\"level\":\"{level}\",\"id\":{id},\"message\":\"{JavaScriptEncoder.Default.Encode(line)}\"}}" : $"{time} {level} {id} {Shown(line)}";
    }

    private static string Shown(string line) =>
        string.Create(line.Length, line, static (shown, from) =>
        {
            for (int i = 0; i < shown.Length; i++)
            {
                shown[i] = char.GetUnicodeCategory(from[i]) is UnicodeCategory.Control or UnicodeCategory.Format ? '\uFFFD' : from[i];
            }
        });
}
