using System.CommandLine;
using System.Globalization;

namespace Cloister.Cli.Administration;

/// <summary>Moments and spans on the command line.</summary>
internal static class BrokerOptionTypes
{
    private static readonly string[] Formats = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd"];

    /// <summary>RFC 3339, or a date.</summary>
    internal static Option<DateTimeOffset?> Moment(string name, string description) => new(name)
    {
        Description = description + ", RFC 3339",
        CustomParser = result =>
        {
            if (DateTimeOffset.TryParseExact(result.Tokens[0].Value, Formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset moment))
            {
                return moment;
            }

            result.AddError($"{name}: '{result.Tokens[0].Value}' is no moment like 2026-06-19T10:56:11Z");
            return null;
        },
    };

    /// <summary>Such as 90s, 15m, 24h, 30d.</summary>
    internal static Option<TimeSpan?> Span(string name, string description) => new(name)
    {
        Description = description + ", such as 90s, 15m, 24h or 30d",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            int unit = text.Length < 2 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
            if (unit > 0 && text.Length < 8 && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int count))
            {
                return TimeSpan.FromSeconds((long)count * unit);
            }

            result.AddError($"{name}: '{text}' is no time like 90s, 15m, 24h or 30d");
            return null;
        },
    };
}
