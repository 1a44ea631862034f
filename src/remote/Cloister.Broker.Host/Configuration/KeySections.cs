using Cloister.KeyStores.Aws;
using Cloister.KeyStores.Pkcs11;
using Cloister.KeyStores.Vault;

namespace Cloister.Broker.Host.Configuration;

/// <summary>Reads <c>rootKey</c> and <c>keyStore</c>. secrets: none; PINs and tokens are in files that are named.</summary>
internal static class KeySections
{
    private const string DefaultLabel = "cloister-root";

    /// <summary>The root key; null after an error.</summary>
    public static RootKeyOptions? ReadRootKey(SectionReader root)
    {
        return root.RequiredSection("rootKey", "what wraps keys at rest: pkcs11, or file for development") is { } section ? ReadRootKeySection(section) : null;
    }

    /// <summary>The root key that is to follow; null: none, or after an error.</summary>
    public static RootKeyOptions? ReadNewRootKey(SectionReader root) => root.Section("newRootKey") is { } section ? ReadRootKeySection(section) : null;

    private static RootKeyOptions? ReadRootKeySection(SectionReader section)
    {
        string? file = section.Optional("file", SectionReader.AbsolutePath);
        SectionReader? pkcs11 = section.Section("pkcs11");
        string label = pkcs11?.Optional("label", SectionReader.NotEmpty) ?? DefaultLabel;
        Pkcs11TokenOptions? token = pkcs11 is null ? null : ReadToken(pkcs11);
        section.Finish();
        if (file is null == pkcs11 is null)
        {
            section.Fail("", "exactly one of file and pkcs11");
            return null;
        }

        return file is null && token is null ? null : new RootKeyOptions(file, token, label);
    }

    /// <summary>An authority key in a token; null: none, or after an error.</summary>
    public static AuthorityKeyOptions? ReadAuthorityKey(SectionReader root, string name)
    {
        if (root.Section(name) is not { } section)
        {
            return null;
        }

        SectionReader? pkcs11 = section.Section("pkcs11");
        string label = pkcs11?.Optional("label", SectionReader.NotEmpty) ?? "cloister-authority";
        Pkcs11TokenOptions? token = pkcs11 is null ? null : ReadToken(pkcs11);
        section.Finish();
        if (pkcs11 is null)
        {
            section.Fail("", "pkcs11: without one, the authority key is wrapped by the root key");
        }

        return token is null ? null : new AuthorityKeyOptions(token, label);
    }

    /// <summary>The key store; null: the database alone, or after an error.</summary>
    public static KeyStoreOptions? ReadKeyStore(SectionReader root)
    {
        if (root.Is("keyStore", "database") || root.Section("keyStore") is not { } section)
        {
            return null;
        }

        SectionReader? pkcs11 = section.Section("pkcs11");
        SectionReader? vault = section.Section("vault-transit");
        SectionReader? aws = section.Section("aws-kms");
        KeyStoreOptions options = new(pkcs11 is null ? null : ReadToken(pkcs11), vault is null ? null : ReadVault(vault), aws is null ? null : ReadAws(aws));
        section.Finish();
        if (new[] { pkcs11, vault, aws }.Count(one => one is not null) != 1)
        {
            section.Fail("", "exactly one of pkcs11, vault-transit and aws-kms; or the word database");
        }

        return options;
    }

    private static Pkcs11TokenOptions? ReadToken(SectionReader section)
    {
        string? library = section.Required("library", SectionReader.AbsolutePath);
        string? token = section.Required("token", SectionReader.NotEmpty);
        string? pinFile = section.Required("pinFile", SectionReader.AbsolutePath);
        section.Finish();
        return library is null || token is null || pinFile is null ? null : new Pkcs11TokenOptions { Library = library, TokenLabel = token, PinFile = pinFile };
    }

    private static VaultTransitOptions? ReadVault(SectionReader section)
    {
        Uri? address = section.Required("address", SectionReader.HttpUrl);
        string? tokenFile = section.Required("tokenFile", SectionReader.AbsolutePath);
        string mount = section.Optional("mount", SectionReader.NotEmpty) ?? "transit";
        string? caFile = section.Optional("caFile", SectionReader.AbsolutePath);
        section.Finish();
        return address is null || tokenFile is null ? null : new VaultTransitOptions { Address = address, TokenFile = tokenFile, Mount = mount, CaFile = caFile };
    }

    private static AwsKmsOptions? ReadAws(SectionReader section)
    {
        string? region = section.Required("region", SectionReader.NotEmpty);
        Uri? endpoint = section.Optional("endpoint", SectionReader.HttpUrl);
        string? prefix = section.Optional("aliasPrefix", text => text.StartsWith("alias/", StringComparison.Ordinal) ? text : throw new FormatException("an alias begins with alias/"));
        section.Finish();
        AwsKmsOptions? options = region is null ? null : new AwsKmsOptions { Region = region, Endpoint = endpoint };
        return options is null || prefix is null ? options : options with { AliasPrefix = prefix };
    }
}
