using System.Text;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>How bytes that must not be seen can show in a text: as they are, in hexadecimal, in base64 at any offset.</summary>
internal static class SecretForms
{
    /// <summary>Texts to look for.</summary>
    internal static IEnumerable<string> Of(params byte[][] secrets) => secrets.SelectMany(secret => Bases(secret).Append(Encoding.Latin1.GetString(secret)).Append(Convert.ToHexString(secret)));

    // What lies between the ends, which depend on their neighbours.
    private static IEnumerable<string> Bases(byte[] secret) => Enumerable.Range(0, 3).Select(offset =>
    {
        string text = Convert.ToBase64String([.. new byte[offset], .. secret]);
        return text[4..^4];
    });
}
