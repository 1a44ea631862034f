using System.Text;

namespace Cloister.Enclave.Base;

/// <summary>Names that strangers chose, as a log or an answer shows them: printable ASCII, and not much of it. secrets: none.</summary>
internal static class PrintableText
{
    private const int MaxLength = 512;

    /// <summary>The first 512 bytes, with a question mark for each that is not printable ASCII, a quote or a backslash.</summary>
    internal static string Of(ReadOnlySpan<byte> name) =>
        new([.. Encoding.ASCII.GetChars(name[..Math.Min(name.Length, MaxLength)].ToArray()).Select(c => c is >= ' ' and <= '~' and not ('"' or '\\') ? c : '?')]);
}
