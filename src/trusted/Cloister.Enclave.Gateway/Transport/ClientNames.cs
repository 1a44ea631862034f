using System.Security.Cryptography.X509Certificates;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>The names in a client's certificate: every CN of its subject, and its DNS names, as they stand. Stateless. secrets: none.</summary>
internal static class ClientNames
{
    private const string CommonName = "2.5.4.3";

    internal static IEnumerable<string> Of(X509Certificate2 certificate)
    {
        foreach (X500RelativeDistinguishedName part in certificate.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            if (!part.HasMultipleElements && part.GetSingleElementType().Value == CommonName && part.GetSingleElementValue() is { } name)
            {
                yield return name;
            }
        }

        foreach (X509SubjectAlternativeNameExtension names in certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>())
        {
            foreach (string name in names.EnumerateDnsNames())
            {
                yield return name;
            }
        }
    }
}
