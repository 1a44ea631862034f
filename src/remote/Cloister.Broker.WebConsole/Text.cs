using System.Globalization;
using System.Text;

namespace Cloister.Broker.WebConsole;

/// <summary>Texts as pages show them. Markup in them is the renderer's business: it encodes everything.</summary>
internal static class Text
{
    /// <summary>What others chose, so that what is read is what is there: characters that cannot be seen or change the direction are written out.</summary>
    internal static string Plain(string text)
    {
        StringBuilder plain = new();
        foreach (Rune one in text.EnumerateRunes())
        {
            _ = IsHidden(one) ? plain.Append(CultureInfo.InvariantCulture, $"\\u{{{one.Value:x4}}}") : plain.Append(one);
        }

        return plain.ToString();
    }

    /// <summary>The same for a text of several lines.</summary>
    internal static string PlainLines(string text) => string.Join('\n', text.Split('\n').Select(line => Plain(line.TrimEnd('\r'))));

    /// <summary>The first digits of something long.</summary>
    internal static string Short(string text, int length = 12) => text.Length <= length + 1 ? Plain(text) : Plain(text[..length]) + "…";

    /// <summary>A time, UTC, to the second.</summary>
    internal static string Moment(DateTimeOffset? at) => at?.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "";

    /// <summary>As machines read it.</summary>
    internal static string Machine(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>A time from milliseconds since 1970.</summary>
    internal static string Moment(long milliseconds) => Moment(DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(milliseconds, 0, 253_402_300_799_999)));

    /// <summary>How far away a time is: <c>in 3 days</c>, <c>5 minutes ago</c>.</summary>
    internal static string Away(DateTimeOffset at, DateTimeOffset now)
    {
        TimeSpan span = (at - now).Duration();
        (double number, string unit) = span switch
        {
            { TotalDays: >= 2 } => (span.TotalDays, "days"),
            { TotalHours: >= 2 } => (span.TotalHours, "hours"),
            { TotalMinutes: >= 2 } => (span.TotalMinutes, "minutes"),
            _ => (span.TotalSeconds, "seconds"),
        };
        string text = string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(number):0} {unit}");
        return at >= now ? $"in {text}" : $"{text} ago";
    }

    /// <summary>A number, thousands apart.</summary>
    internal static string Number(long number) => number.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>A part of a path or a query.</summary>
    internal static string Part(string text) => Uri.EscapeDataString(text);

    /// <summary>A command line, each word as a shell takes it.</summary>
    internal static string Command(params IEnumerable<string> words) => string.Join(' ', words.Select(Word));

    private static string Word(string word)
    {
        string plain = Plain(word);
        return plain.Length > 0 && plain.All(one => char.IsAsciiLetterOrDigit(one) || "-_./:=+,@".Contains(one, StringComparison.Ordinal))
            ? plain
            : $"'{plain.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }

    private static bool IsHidden(Rune one) => Rune.GetUnicodeCategory(one) is
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse;
}
