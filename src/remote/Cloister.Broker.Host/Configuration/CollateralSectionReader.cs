using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Broker.Host.Configuration;

/// <summary>Reads <c>collateral</c>.</summary>
internal static class CollateralSectionReader
{
    private static readonly string[] Sources = ["directory", "pccs", "pcs"];

    /// <summary>The section; null after an error.</summary>
    public static CollateralOptions? Read(SectionReader root)
    {
        if (root.RequiredSection("collateral", "where collateral comes from: directory, pccs or pcs") is not { } section)
        {
            return null;
        }

        CollateralOptions options = new(
            section.Optional("directory", SectionReader.AbsolutePath), section.Optional("pccs", SectionReader.HttpUrl), section.Optional("kds", SectionReader.HttpUrl),
            section.Optional("proxy", SectionReader.ProxyUrl))
        {
            Pcs = section.Optional("pcs", SectionReader.HttpUrl),
            RootCaCrl = section.Optional("rootCaCrl", SectionReader.HttpUrl),
            Ca = section.Optional("ca", Authorities),
            KdsCa = section.Optional("kdsCa", Authorities),
        };
        section.Finish();
        if (Sources.Count(section.Has) != 1)
        {
            section.Fail("", "exactly one of directory, pccs and pcs");
            return null;
        }

        Require("proxy", "pccs", "pcs", "kds");
        Require("ca", "pccs", "pcs");
        Require("kdsCa", "kds");
        Require("rootCaCrl", "pcs");
        return options;

        void Require(string field, params string[] one)
        {
            if (section.Has(field) && !one.Any(section.Has))
            {
                section.Fail(field, $"is for {string.Join(" or ", one)}, which is not there");
            }
        }
    }

    /// <summary>Certificates in PEM, or the path of a file with them.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    private static string Authorities(string text)
    {
        if (!text.TrimStart().StartsWith("-----BEGIN", StringComparison.Ordinal))
        {
            return Path.IsPathFullyQualified(text) ? text : throw new FormatException("expected certificates in PEM, or the absolute path of a file with them");
        }

        try
        {
            X509Certificate2Collection all = [];
            all.ImportFromPem(text);
            return all.Count > 0 ? text : throw new FormatException("there is no certificate in it");
        }
        catch (CryptographicException e)
        {
            throw new FormatException($"not certificates in PEM: {e.Message}");
        }
    }
}
