using System.Net;
using System.Security.Cryptography;
using System.Text;
using Cloister.Attestation.Policies;
using Cloister.Broker.Policies;
using Cloister.Broker.State;
using Cloister.Yaml;
using YamlDotNet.RepresentationModel;

namespace Cloister.Broker.Host.Configuration;

/// <summary>
/// Reads <c>kind: BrokerConfiguration</c>: unknown fields are refused, all errors are reported at once with their lines. Fields: docs/broker.md.
/// </summary>
internal static class BrokerConfigurationReader
{
    /// <summary>The kind of the document.</summary>
    public const string Kind = "BrokerConfiguration";

    private const int MaxLength = 64 * 1024;

    /// <summary>Reads a file.</summary>
    /// <exception cref="BrokerConfigurationException">It cannot be read, or something is wrong with it.</exception>
    public static BrokerConfiguration ReadFile(string path)
    {
        try
        {
            return Read(File.ReadAllText(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BrokerConfigurationException($"the configuration cannot be read: {e.Message}");
        }
    }

    /// <summary>Reads a text.</summary>
    /// <exception cref="BrokerConfigurationException">Something is wrong with it.</exception>
    public static BrokerConfiguration Read(string yaml)
    {
        PolicyErrors errors = new();
        BrokerConfiguration? configuration;
        try
        {
            configuration = Read(PlainYaml.Load(yaml, MaxLength), errors);
        }
        catch (PlainYamlException e)
        {
            throw new BrokerConfigurationException($"line {e.Line}: {e.Message}");
        }

        return configuration is null || errors.Any
            ? throw new BrokerConfigurationException(string.Join('\n', errors.Sorted))
            : configuration with { Digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(yaml))) };
    }

    private static BrokerConfiguration? Read(YamlMappingNode root, PolicyErrors errors)
    {
        MappingReader document = new(root, "", errors);
        AppraisalPolicyReader.Constant(document, "apiVersion", AppraisalPolicyReader.ApiVersion, root, errors);
        AppraisalPolicyReader.Constant(document, "kind", Kind, root, errors);
        SectionReader fields = new(document, root, errors);
        IPEndPoint? listen = fields.Required("listen", ParseEndPoint);
        string? database = fields.Required("database", ParseDatabase);
        RootKeyOptions? rootKey = KeySections.ReadRootKey(fields);
        RootKeyOptions? newRootKey = KeySections.ReadNewRootKey(fields);
        string? stateDirectory = fields.Optional("stateDirectory", SectionReader.AbsolutePath);
        AuthorityKeyOptions? authorityKey = KeySections.ReadAuthorityKey(fields, "authorityKey");
        AuthorityKeyOptions? newAuthorityKey = KeySections.ReadAuthorityKey(fields, "newAuthorityKey");
        KeyStoreOptions? keyStore = KeySections.ReadKeyStore(fields);
        TlsFiles? tls = ReadTls(fields);
        CollateralOptions? collateral = CollateralSectionReader.Read(fields);
        AdminSection? admin = AdminSectionReader.Read(fields);
        LimitOptions limits = LimitOptions.Read(fields);
        string? audience = fields.Optional("tokenAudience", ParseAudience);
        AuditSection audit = AuditSectionReader.Read(fields);
        TraceSection? traces = TraceSection.Read(fields);
        OtherRoots otherRoots = ReadOtherRoots(document, errors);
        document.Finish();
        return listen is null || database is null || rootKey is null || collateral is null
            ? null
            : new BrokerConfiguration
            {
                Listen = listen, Database = database, RootKey = rootKey, NewRootKey = newRootKey, AuthorityKey = authorityKey, NewAuthorityKey = newAuthorityKey,
                KeyStore = keyStore, Tls = tls, Collateral = collateral, Admin = admin, OtherRoots = otherRoots,
                StateDirectory = stateDirectory, Limits = limits, TokenAudience = audience, Audit = audit, Traces = traces,
            };
    }

    /// <summary>An address to listen on.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    internal static IPEndPoint ParseEndPoint(string text) =>
        text.LastIndexOf(':') > text.LastIndexOf(']') && IPEndPoint.TryParse(text, out IPEndPoint? endPoint)
            ? endPoint
            : throw new FormatException("expected an address and a port, such as 127.0.0.1:8443 or [::]:8443");

    private static string ParseAudience(string text) => text.Length is > 0 and <= 256 && text.All(char.IsAscii) && !text.Any(char.IsControl)
        ? text
        : throw new FormatException("expected 1 to 256 characters of ASCII: whom tokens are for, such as a URL");

    private static string ParseDatabase(string text)
    {
        try
        {
            DatabaseAddress.Parse(text);
            return text;
        }
        catch (BrokerStateException e)
        {
            throw new FormatException(e.Message);
        }
    }

    private static OtherRoots ReadOtherRoots(MappingReader document, PolicyErrors errors)
    {
        YamlNode? node = document.Take("otherRoots");
        if (node is null)
        {
            return OtherRoots.None;
        }

        string[] digests = [.. ((node as YamlSequenceNode)?.Children ?? []).Select(item => (item as YamlScalarNode)?.Value ?? "")];
        bool any = node is YamlScalarNode { Value: "allowed" };
        if (!any && (node is not YamlSequenceNode || digests.Any(digest => digest.Length != 64 || !digest.All(char.IsAsciiHexDigit))))
        {
            errors.Add(node, "otherRoots", "expected a list of SHA-256 digests of certificates in hex, or, for development, allowed");
        }

        return any ? OtherRoots.Any : OtherRoots.Of(digests);
    }

    private static TlsFiles? ReadTls(SectionReader root)
    {
        if (root.Section("tls") is not { } tls)
        {
            return null;
        }

        string? certificate = tls.Required("certificate", SectionReader.AbsolutePath);
        string? key = tls.Required("key", SectionReader.AbsolutePath);
        tls.Finish();
        return certificate is null || key is null ? null : new TlsFiles(certificate, key);
    }
}
