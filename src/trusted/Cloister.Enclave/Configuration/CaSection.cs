using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Enclave.Gateway.Transport;

namespace Cloister.Enclave.Configuration;

/// <summary>
/// Reads authorities that are trusted: a field with PEM or the path of a file, and a field of the same name with <c>Pins</c> behind for the file's
/// digests. secrets: none.
/// </summary>
internal static class CaSection
{
    private const string AnyWord = "any";
    private const string BrokerWord = "broker";
    private const string PinPrefix = "sha256:";
    private const string PemBegin = "-----BEGIN";

    /// <returns>The path, empty for inline PEM, null when the field is missing; and what binds it.</returns>
    internal static (string? Path, CaBinding Binding) Read(ConfigurationMapping section, string field, bool required, bool broker)
    {
        string? text = section.Parsed<string?>(field, null, PathOrPem, required);
        string pinsField = $"{field}Pins";
        IReadOnlyList<byte[]> pins = section.ListOrWord(pinsField, AnyWord, Pin, out bool any);
        if (text is null || text.StartsWith('/'))
        {
            return (text, new CaBinding(null, pins, any));
        }

        if (section.Has(pinsField))
        {
            section.Fail(pinsField, $"are for a file: {field} has the authorities themselves, which the configuration's measurement covers, or leaves them to the broker");
        }

        if (text == BrokerWord)
        {
            if (!broker)
            {
                section.Fail(field, "broker needs a custody that uses one: attested, or remote or passthrough with the section broker");
            }

            return ("", CaBinding.Broker);
        }

        return ("", new CaBinding(text, [], false));
    }

    private static string PathOrPem(string text)
    {
        if (text.StartsWith('/') || text == BrokerWord)
        {
            return text;
        }

        try
        {
            X509Certificate2Collection authorities = [];
            authorities.ImportFromPem(text);
            return text.TrimStart().StartsWith(PemBegin, StringComparison.Ordinal) && authorities.Count > 0 ? text : throw new CryptographicException();
        }
        catch (CryptographicException)
        {
            throw new FormatException("an absolute path of a PEM file, the certificates themselves as PEM, or broker");
        }
    }

    private static byte[] Pin(string text)
    {
        byte[] digest = new byte[SHA256.HashSizeInBytes];
        string digits = text.StartsWith(PinPrefix, StringComparison.Ordinal) ? text[PinPrefix.Length..] : "";
        return digits.Length == 2 * digest.Length && Convert.FromHexString(digits, digest, out _, out _) == System.Buffers.OperationStatus.Done
            ? digest
            : throw new FormatException("sha256: and the 64 hexadecimal digits that 'sha256sum FILE' prints");
    }
}
