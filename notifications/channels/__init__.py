"""What every channel shares: its base class, the delays between retries, the terms of providers."""
