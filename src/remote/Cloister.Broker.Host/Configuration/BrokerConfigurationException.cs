namespace Cloister.Broker.Host.Configuration;

/// <summary>A configuration that cannot be used. The message holds every error, one a line.</summary>
internal sealed class BrokerConfigurationException(string message) : Exception(message);
